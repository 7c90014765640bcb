package jws

import (
	"bytes"

	"github.com/fibermsal/fibermsal/internal/rawjson"
)

// Header is the protected header of a token, together with the signed data and the signature.
type Header struct {
	KeyID string
	Type  string // of the token, "" if it is not a string
	// HasType is set if the header has a type, even one that is not a string. HasKey is set if the
	// header contains a key or a certificate.
	HasType, HasKey bool

	// Signed is the data that Signature signs. It shares the memory of the token.
	Signed, Signature []byte

	algorithm string
	// strange is set if the header changes the data that is signed (RFC 7797), has critical members
	// (RFC 7515 section 4.1.11), or has an algorithm or key ID that is not a string. Entra issues no
	// such header.
	strange bool
}

// IsRS256 reports whether the signature uses RS256, the only accepted algorithm. A header can neither
// choose the algorithm nor supply a key (threat B1).
func (h *Header) IsRS256() bool { return h.algorithm == "RS256" && !h.strange }

// Parts are the parts of a compact JWS, encoded and not verified.
type Parts struct {
	Payload           []byte
	header, signature []byte
	signed            []byte // header and payload
}

// Split splits a compact JWS, and reports whether it has three parts. The parts share its memory.
func Split(raw []byte) (p Parts, ok bool) {
	header, rest, _ := bytes.Cut(raw, dot)
	payload, signature, ok := bytes.Cut(rest, dot)
	signed := raw[:min(len(raw), len(header)+len(dot)+len(payload))]
	return Parts{Payload: payload, header: header, signature: signature, signed: signed}, ok && !bytes.Contains(signature, dot)
}

var dot = []byte{'.'}

// ReadHeader decodes the header and the signature.
func (p *Parts) ReadHeader() (*Header, error) {
	h := &Header{Signed: p.signed}
	o, err := DecodeObject(p.header)
	if err != nil {
		return nil, err
	}
	if err := o.Members(h.read); err != nil {
		return nil, err
	}
	h.Signature, err = encoding.AppendDecode(nil, p.signature)
	return h, err
}

func (h *Header) read(name, value []byte) {
	switch string(name) {
	case "alg":
		h.algorithm = h.text(value)
	case "kid":
		h.KeyID = h.text(value)
	case "typ":
		h.Type, h.HasType = Text(value), true
	case "crit", "b64":
		h.strange = true
	case "jwk", "x5c":
		h.HasKey = true
	}
}

// text returns the value of a member that must be a string. If it is not, the header is marked as
// strange.
func (h *Header) text(value []byte) string {
	text, ok := rawjson.Text(value)
	h.strange = h.strange || !ok
	return text
}
