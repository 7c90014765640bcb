package flow

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"time"

	"github.com/fibermsal/fibermsal/internal/sealed"
)

// maxState is the maximum length of a state in characters. Requests to Entra with states of about 1,800
// characters are known to fail.
const maxState = 1480

// maxDetails is the maximum length of details in a state without compression.
const maxDetails = maxState/4*3 - sealed.Overhead - stateFixed - 1

// stateFixed is the length of the fixed part: format, restarts, owner and time.
const stateFixed = 2 + len(owner{}) + 8

// stateFormat is the first byte of a state's plaintext.
const stateFormat = 1

// Start describes a sign-in that is about to start: its destination and requirements.
type Start struct {
	Browser      Browser
	To           Destination
	Requirements Requirements
	Restarts     int // how often the sign-in has been started before
	// HasCookie reports whether the request has a cookie. It may be nil.
	HasCookie func(name string) bool
}

// Begin starts an attempt. It returns the attempt and the content of the browser's cookie. If the
// requirements are too large, it returns [ErrRequirementsTooLarge].
func (j *Jar) Begin(random io.Reader, now time.Time, s *Start) (*Attempt, Browser, error) {
	if _, err := s.Requirements.encode(); err != nil {
		return nil, Browser{}, err
	}
	b, secret, err := s.Browser.withSecret(random)
	if err != nil {
		return nil, Browser{}, err
	}
	a := &Attempt{owner: ownerOf(secret), startedAt: now, to: s.To, needs: s.Requirements, restarts: s.Restarts}
	a.derive(secret)
	return a, b, j.seal(a, s.HasCookie)
}

// encode returns the plaintext of an attempt's state.
func (a *Attempt) encode(d *details) ([]byte, error) {
	out := append([]byte{stateFormat, byte(a.restarts)}, a.owner[:]...)  //nolint:gosec // at most MaxRestarts
	out = binary.BigEndian.AppendUint64(out, uint64(a.startedAt.Unix())) //nolint:gosec // decodeState reverses it
	var content bytes.Buffer
	encoder := json.NewEncoder(&content)
	encoder.SetEscapeHTML(false) // an & in the path would take six bytes
	if err := encoder.Encode(d); err != nil {
		return nil, err
	}
	return append(out, packed(bytes.TrimSpace(content.Bytes()), maxDetails)...), nil
}

// decodeState reverses encode.
func decodeState(plaintext []byte) (*Attempt, *details, error) {
	const started = 2 + len(owner{})
	if len(plaintext) < started+8 || plaintext[0] != stateFormat {
		return nil, nil, errors.New("flow: unknown state")
	}
	a := &Attempt{
		restarts: int(plaintext[1]), owner: owner(plaintext[2:started]),
		startedAt: time.Unix(int64(binary.BigEndian.Uint64(plaintext[started:])), 0), //nolint:gosec // as encode wrote it
	}
	content, err := unpacked(plaintext[started+8:])
	if err != nil {
		return nil, nil, err
	}
	var d details
	if err := json.Unmarshal(content, &d); err != nil {
		return nil, nil, errors.New("flow: state unreadable")
	}
	a.needs = d.Requirements
	return a, &d, nil
}

// seal sets the state of an attempt. A path that does not fit is put into a cookie. If it does not fit
// there either, the attempt returns to the home page.
func (j *Jar) seal(a *Attempt, hasCookie func(name string) bool) error {
	d := &details{ReturnTo: a.to.Path(), Page: a.to.Page(), Requirements: a.needs}
	state, err := j.sealState(a, d)
	if err != nil {
		return err
	}
	if len(state) > maxState {
		d.ReturnTo, d.Page = "", a.to.page
		if d.Slot, a.cookie = j.sealPath(a, hasCookie); a.cookie == nil {
			a.to = a.to.Home()
		}
		if state, err = j.sealState(a, d); err != nil {
			return err
		}
	}
	a.state = state
	return nil
}

func (j *Jar) sealState(a *Attempt, d *details) (string, error) {
	plaintext, err := a.encode(d)
	if err != nil {
		return "", err
	}
	return j.sealText(plaintext, j.stateContext()), nil
}

// Open returns the attempt in a state that this app has sealed. The attempt is foreign unless b began
// it. cookie returns the value of a cookie of the request.
func (j *Jar) Open(state string, b Browser, cookie func(name string) (value string, ok bool)) (a *Attempt, ok bool) {
	if isEarlier(state) {
		return j.openEarlier(state, cookie)
	}
	plaintext, err := j.open(state, j.stateContext())
	if err != nil {
		return nil, false
	}
	a, d, err := decodeState(plaintext)
	if err != nil {
		return nil, false
	}
	a.state = state
	a.derive(b.secretOf(a.owner))
	path := d.ReturnTo
	if d.Slot > 0 {
		path = j.openPath(a, d.Slot, cookie)
	}
	a.to = DestinationOf(path).ForPage(d.Page)
	return a, true
}

func (j *Jar) stateContext() []byte {
	return sealed.Context(append([]string{"state"}, j.binding...)...)
}
