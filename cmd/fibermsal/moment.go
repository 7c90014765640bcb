package main

import (
	"errors"
	"time"
)

// moment is a time in a flag.
type moment struct{ time.Time }

// String implements flag.Value.
func (m *moment) String() string {
	if m == nil || m.IsZero() {
		return ""
	}
	return m.Format(time.RFC3339Nano) // full precision, because a repeated command must select the same sessions
}

// Set implements flag.Value.
func (m *moment) Set(text string) error {
	if text == "now" {
		m.Time = time.Now()
		return nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		m.Time = time.Now().Add(-ago)
		return nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			m.Time = t
			return nil
		}
	}
	return errors.New("it must be like 2026-01-31, 2026-01-31T18:00:00Z, 12h or now")
}
