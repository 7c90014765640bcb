package accesstoken

import (
	"errors"
	"slices"
	"strings"
)

// header is the protected header of a token, with what it signs.
type header struct {
	algorithm, keyID string
	// strange is set if the header changes what is signed, or must be understood (RFC 7515 section 4.1.11,
	// RFC 7797), or if its algorithm or key is no text. Entra issues no such header.
	strange bool

	signed, signature []byte
}

var errHeader = errors.New("accesstoken: not the header of an access token")

// types are the values of the header typ that an access token may have, besides none. Other kinds of
// JWTs have others (RFC 8725 section 3.11).
var types = []string{"jwt", "at+jwt", "application/at+jwt"}

// read reads a header. It returns an error for one that no access token has.
func (h *header) read(part []byte) error {
	o, err := decodeObject(part)
	if err != nil {
		return err
	}
	isAccessToken := true
	err = o.members(func(name, value []byte) {
		switch string(name) {
		case "alg":
			h.algorithm, h.strange = text(value), h.strange || !isText(value)
		case "kid":
			h.keyID, h.strange = text(value), h.strange || !isText(value)
		case "typ":
			isAccessToken = slices.Contains(types, strings.ToLower(text(value)))
		case "crit", "b64":
			h.strange = true
		}
	})
	if err != nil || !isAccessToken {
		return errHeader
	}
	return nil
}

func (h *header) readSignature(part []byte) (err error) {
	h.signature, err = encoding.AppendDecode(nil, part)
	return err
}

// isRS256 reports whether the signature is one of the only algorithm that is accepted. A header can
// neither choose the algorithm nor supply a key (threat B1).
func (h *header) isRS256() bool { return h.algorithm == "RS256" && !h.strange }
