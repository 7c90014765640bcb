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

// maxState limits the state in characters. Requests to Entra with states of about 1,800 have
// been seen to fail.
const maxState = 1480

// stateFormat is the first byte of a state's plaintext.
const stateFormat = 1

// Begin starts an attempt in a browser that leads to a page. restarts is how often it has been
// started before. If the requirements are too large, it returns [ErrRequirementsTooLarge].
func (j *Jar) Begin(random io.Reader, now time.Time, b Browser, to Destination, needs Requirements, restarts int) (*Attempt, error) {
	if _, err := needs.encode(); err != nil {
		return nil, err
	}
	a, err := begin(random, now, b, to, needs, restarts)
	if err != nil {
		return nil, err
	}
	return a, j.seal(a)
}

// encode returns the plaintext of an attempt's state.
func (a *Attempt) encode(d *details) ([]byte, error) {
	out := append([]byte{stateFormat, byte(a.restarts)}, a.seed...) //nolint:gosec // at most maxRestarts
	out = append(out, a.owner[:]...)
	out = binary.BigEndian.AppendUint64(out, uint64(a.startedAt.Unix())) //nolint:gosec // decodeState reverses it
	var content bytes.Buffer
	encoder := json.NewEncoder(&content)
	encoder.SetEscapeHTML(false) // an & in the path would take six bytes
	if err := encoder.Encode(d); err != nil {
		return nil, err
	}
	return append(out, packed(bytes.TrimSpace(content.Bytes()))...), nil
}

// decodeState reverses encode.
func decodeState(plaintext []byte) (*Attempt, *details, error) {
	const seed, started = 2, 2 + seedSize + len(owner{})
	if len(plaintext) < started+8 || plaintext[0] != stateFormat {
		return nil, nil, errors.New("flow: unknown state")
	}
	a := &Attempt{
		restarts: int(plaintext[1]), seed: plaintext[seed : seed+seedSize], owner: owner(plaintext[seed+seedSize : started]),
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

// seal gives an attempt its state. A path that does not fit is put into a cookie, and if it does not
// even fit there, the attempt leads home.
func (j *Jar) seal(a *Attempt) error {
	d := &details{ReturnTo: a.to.Path(), Page: a.to.Page(), Requirements: a.needs}
	state, err := j.sealState(a, d)
	if err != nil {
		return err
	}
	if len(state) > maxState {
		a.cookie = j.sealPath(a)
		d.ReturnTo, d.Page, d.InCookie = "", a.to.page, a.cookie != nil
		if a.cookie == nil {
			a.to = a.to.home()
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
	return encode(j.ring.Seal(plaintext, j.stateContext())), nil
}

// Open returns the attempt of a state that this app wrote. The attempt is foreign unless b began
// it. cookie returns the value of a cookie of the request.
func (j *Jar) Open(state string, b Browser, cookie func(name string) (value string, ok bool)) (a *Attempt, ok bool) {
	if isEarlier(state) {
		return j.openEarlier(state, cookie)
	}
	ciphertext, err := decode(state)
	if err != nil {
		return nil, false
	}
	plaintext, err := j.ring.Open(ciphertext, j.stateContext())
	if err != nil {
		return nil, false
	}
	a, d, err := decodeState(plaintext)
	if err != nil {
		return nil, false
	}
	a.state = state
	a.derive(b)
	path := d.ReturnTo
	if d.InCookie {
		path = j.openPath(a, cookie)
	}
	a.to = DestinationOf(path).ForPage(d.Page)
	return a, true
}

func (j *Jar) stateContext() []byte {
	return sealed.Context(append([]string{"state"}, j.binding...)...)
}
