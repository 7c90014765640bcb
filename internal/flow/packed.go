package flow

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
)

// maxUnpacked limits the size of unpacked content. Only content that this app has sealed is unpacked,
// so this is a second line of defence.
const maxUnpacked = 64 << 10

// The first byte of packed content.
const (
	plain    = 0
	deflated = 1
)

// writers are reused, because each takes hundreds of kilobytes and anyone can begin sign-ins.
var writers = make(chan *flate.Writer, 4)

// writer returns a writer that is not in use.
func writer() *flate.Writer {
	select {
	case w := <-writers:
		return w
	default:
	}
	w, err := flate.NewWriter(nil, flate.DefaultCompression)
	if err != nil {
		panic(err) // happens only for unknown levels
	}
	return w
}

func release(w *flate.Writer) {
	select {
	case writers <- w:
	default:
	}
}

// packed returns content, compressed if it is longer than limit and compression makes it shorter.
// Anyone who sees the size of requests can learn something about the content from the length of the
// result.
func packed(content []byte, limit int) []byte {
	if len(content) < limit {
		return append([]byte{plain}, content...)
	}
	var out bytes.Buffer
	out.WriteByte(deflated)
	w := writer()
	defer release(w)
	w.Reset(&out)
	_, err := w.Write(content)
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
