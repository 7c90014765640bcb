package flow

import (
	"encoding/binary"
	"encoding/json"
	"time"

	"github.com/fibermsal/fibermsal/internal/sealed"
)

const (
	timestampSize = 8
	// maxRequirementsText is the maximum size of sealed requirements as text.
	maxRequirementsText = (sealed.Overhead + timestampSize + maxRequirements + 2) / 3 * 4
)

// SealRequirements seals requirements for a URL. The text is valid for [Lifetime], and only in a
// browser with this session, or in a browser without a session if there is none.
func (j *Jar) SealRequirements(r Requirements, session string, now time.Time) (string, error) {
	content, err := r.encode()
	if err != nil {
		return "", err
	}
	plaintext := binary.BigEndian.AppendUint64(nil, uint64(now.Unix())) //nolint:gosec // OpenRequirements reverses it
	return j.sealText(append(plaintext, content...), j.requirementsContext(session)), nil
}

// OpenRequirements reverses SealRequirements. If the text does not open, there are no requirements.
func (j *Jar) OpenRequirements(text, session string, now time.Time) (r Requirements, ok bool) {
	if len(text) > maxRequirementsText {
		return Requirements{}, false
	}
	plaintext, err := j.open(text, j.requirementsContext(session))
	if err != nil || len(plaintext) < timestampSize {
		return Requirements{}, false
	}
	age := now.Sub(time.Unix(int64(binary.BigEndian.Uint64(plaintext)), 0)) //nolint:gosec // as SealRequirements wrote it
	if age > Lifetime || age < -time.Minute || json.Unmarshal(plaintext[timestampSize:], &r) != nil {
		return Requirements{}, false
	}
	return r, true
}

func (j *Jar) requirementsContext(session string) []byte {
	return sealed.Context(append([]string{"ask", session}, j.binding...)...)
}
