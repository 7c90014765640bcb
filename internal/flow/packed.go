package flow

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
)

// maxUnpacked limits what is unpacked. Only what this app has sealed is, so this is a second line.
const maxUnpacked = 64 << 10

// The first byte of what packed returns.
const (
	plain    = 0
	deflated = 1
)

// packed returns content in a shorter form, if deflate finds one. The length of the result reveals
// something of the content, but only to those who see the browser's own URLs.
func packed(content []byte) []byte {
	var out bytes.Buffer
	out.WriteByte(deflated)
	w, err := flate.NewWriter(&out, flate.BestCompression)
	if err == nil {
		_, err = w.Write(content)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil || out.Len() > len(content) {
		return append([]byte{plain}, content...)
	}
	return out.Bytes()
}

// unpacked reverses packed.
func unpacked(b []byte) ([]byte, error) {
	switch {
	case len(b) == 0:
		return nil, errors.New("flow: nothing packed")
	case b[0] == plain:
		return b[1:], nil
	}
	content, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(b[1:])), maxUnpacked))
	if err != nil {
		return nil, errors.New("flow: packed content unreadable")
	}
	return content, nil
}
