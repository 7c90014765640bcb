package flow

import (
	"encoding/binary"
	"time"

	"github.com/fibermsal/fibermsal/internal/sealed"
)

// MaxRestarts is how often a sign-in is restarted automatically. A browser that does not keep cookies
// would otherwise be sent to Entra forever.
const MaxRestarts = 2

// SealResumption seals, for a URL, the number of restarts of a sign-in. The text is valid for
// [Lifetime].
func (j *Jar) SealResumption(restarts int, now time.Time) string {
	plaintext := binary.BigEndian.AppendUint64([]byte{byte(restarts)}, uint64(now.Unix())) //nolint:gosec // OpenResumption reverses it
	return j.sealText(plaintext, j.resumptionContext())
}

// OpenResumption reverses SealResumption.
func (j *Jar) OpenResumption(text string, now time.Time) (restarts int, ok bool) {
	const size = 1 + timestampSize
	if len(text) > (sealed.Overhead+size+2)/3*4 {
		return 0, false
	}
	plaintext, err := j.open(text, j.resumptionContext())
	if err != nil || len(plaintext) != size {
		return 0, false
	}
	age := now.Sub(time.Unix(int64(binary.BigEndian.Uint64(plaintext[1:])), 0)) //nolint:gosec // as SealResumption wrote it
	return int(plaintext[0]), -time.Minute <= age && age <= Lifetime
}

func (j *Jar) resumptionContext() []byte {
	return sealed.Context(append([]string{"resume"}, j.binding...)...)
}
