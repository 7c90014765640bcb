package graph

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	abstractions "github.com/microsoft/kiota-abstractions-go"
)

// StreamTo returns an option that makes a call write its response to w as it arrives, instead of
// returning it. The call returns a nil result, and an error if the response is incomplete, has
// more than limit bytes, or cannot be written:
//
//	_, err := item.Content().Get(ctx, &drives.ItemItemsItemContentRequestBuilderGetRequestConfiguration{
//		Options: []abstractions.RequestOption{graph.StreamTo(file, 2<<30)},
//	})
//
// Responses of more than 8 MB require it. Its memory use does not depend on the size of the response.
// If the context has no deadline, the call may take any time as long as data arrives at least every 15
// seconds. If Graph responds with an error, nothing is written. If a call fails after that, it is not
// retried, because w has already received a part of the response. The option must not be used for two
// calls at the same time.
func StreamTo(w io.Writer, limit int64) abstractions.RequestOption {
	return &stream{w: w, limit: limit}
}

var streamKey = abstractions.RequestOptionKey{Key: "github.com/fibermsal/fibermsal/graph.StreamTo"}

type stream struct {
	w     io.Writer
	limit int64
}

// GetKey implements abstractions.RequestOption.
func (s *stream) GetKey() abstractions.RequestOptionKey { return streamKey }

// streamOf returns the option of a request, or nil.
func streamOf(info *abstractions.RequestInformation) *stream {
	for _, option := range info.GetRequestOptions() {
		if s, ok := option.(*stream); ok {
			return s
		}
	}
	return nil
}

// copied writes a response to the writer and returns an empty response for Kiota.
func (s *stream) copied(resp *http.Response) (*http.Response, error) {
	defer func() { _ = resp.Body.Close() }() // it has been read, or the call fails
	target := &recordingWriter{Writer: s.w}
	_, err := io.Copy(target, resp.Body)
	switch {
	case target.err != nil:
		e := errFailed.New("not_written", nil)
		e.Err = target.err // the app's own
		return nil, e
	case err != nil:
		return nil, err
	}
	empty := *resp
	empty.StatusCode, empty.ContentLength, empty.Body = http.StatusNoContent, 0, http.NoBody
	return &empty, nil
}

// recordingWriter stores the error of the writer, to distinguish it from an error of the response.
type recordingWriter struct {
	io.Writer
	err error
}

// Write implements io.Writer.
func (w *recordingWriter) Write(p []byte) (n int, err error) {
	n, w.err = w.Writer.Write(p)
	return n, w.err
}

// idleTimer ends a context if it is not stopped in time.
type idleTimer struct {
	timer *time.Timer
	limit time.Duration
}

var errIdle = errors.New("graph: no data arrived in time")

// withIdleTimer returns a context that ends unless the timer is stopped in time.
func withIdleTimer(ctx context.Context, limit time.Duration) (context.Context, *idleTimer, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	t := &idleTimer{timer: time.AfterFunc(limit, func() { cancel(errIdle) }), limit: limit}
	return ctx, t, func() {
		t.stop()
		cancel(nil)
	}
}

func (t *idleTimer) start() {
	if t != nil {
		t.timer.Reset(t.limit)
	}
}

func (t *idleTimer) stop() {
	if t != nil {
		t.timer.Stop()
	}
}
