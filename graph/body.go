package graph

import (
	"context"
	"errors"
	"io"

	"github.com/fibermsal/fibermsal/internal/outbound"
)

// callBody is a response body whose Read fails beyond a limit and after the context has ended. Kiota
// reads all bodies, including those of errors, without a limit.
type callBody struct {
	ctx     context.Context // of the request
	call    *call
	bounded *outbound.Body
}

// Read implements io.Reader.
func (b *callBody) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	b.call.idle.start()
	n, err := b.bounded.Read(p)
	b.call.idle.stop()
	if errors.Is(err, outbound.ErrTooLarge) {
		return 0, errBadAnswer.New("too_large", nil)
	}
	b.call.keep(p[:n])
	b.call.interrupted = err != nil && !errors.Is(err, io.EOF)
	return n, err
}

// Close implements io.Closer.
func (b *callBody) Close() error { return b.bounded.Close() }

// maxErrorBody is how much of an error response is kept. Graph's are below 1 kB.
const maxErrorBody = 16 << 10

// keep stores the beginning of an error response, because Kiota's errors omit much of it.
func (c *call) keep(p []byte) {
	if room := maxErrorBody - len(c.errorBody); c.status >= 400 && room > 0 {
		c.errorBody = append(c.errorBody, p[:min(len(p), room)]...)
	}
}
