package naive_test

import (
	"fmt"
	"strings"
	"sync"
)

// logbook collects log lines.
type logbook struct {
	mu   sync.Mutex
	text strings.Builder
}

// Printf adds a line.
func (l *logbook) Printf(format string, values ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(&l.text, format+"\n", values...)
}

// String returns all lines.
func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
