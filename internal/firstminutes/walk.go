package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// walk is the way of a newcomer to one aim, with what each step took.
type walk struct {
	version string // of Fiber
	title   string
	cache   string // the state of the build cache at the beginning
	steps   []step

	out io.Writer
}

// step is a command that the newcomer types, or what they do in an editor or the browser.
type step struct {
	does string
	took time.Duration
}

// step does something, and prints how long that took.
func (w *walk) step(does string, do func() error) error {
	number := len(w.steps) + 1
	begun := time.Now()
	if err := do(); err != nil {
		return fmt.Errorf("%s, step %d, %s: %w", w.title, number, does, err)
	}
	took := time.Since(begun)
	w.steps = append(w.steps, step{does, took})
	fmt.Fprintf(w.out, "  %d. %-*s %7.1f s\n", number, stepWidth, shortened(does), took.Seconds())
	return nil
}

// stepWidth is how much of a command is printed.
const stepWidth = 110

func shortened(text string) string {
	if letters := []rune(text); len(letters) > stepWidth {
		return strings.TrimSpace(string(letters[:stepWidth-1])) + "…"
	}
	return text
}

// took is the sum of the steps.
func (w *walk) took() (sum time.Duration) {
	for _, step := range w.steps {
		sum += step.took
	}
	return sum
}
