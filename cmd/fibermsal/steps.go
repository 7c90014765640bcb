package main

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/fibermsal/fibermsal/entra"
)

// part is the part of all sessions with which a command starts, to continue an earlier command that was
// interrupted.
type part int

func (p *part) flags(set *flag.FlagSet) {
	set.IntVar((*int)(p), "from", 1, fmt.Sprintf("continue with this `part`, 1 to %d, which an interrupted command has printed", entra.SessionParts))
}

func (p *part) check() error {
	if *p < 1 || *p > entra.SessionParts {
		return fmt.Errorf("-from must be between 1 and %d", entra.SessionParts)
	}
	return nil
}

// steps are the filters of a command, which it applies one after another. Long work is divided into
// many steps, so that it can be interrupted between them.
type steps struct {
	tool    *tool
	filters []entra.SessionFilter
	parted  bool  // the filters are the parts of a single filter
	next    int   // the first step that has not been completed
	handled int   // sessions so far
	total   int   // all sessions, or 0 if unknown
	missing error // some of the app's keys are missing here

	progress *progress
}

// stepsOf returns the steps for filters. A filter that reads all sessions is divided into parts.
func (t *tool) stepsOf(filters []entra.SessionFilter, from part) *steps {
	st := &steps{tool: t, filters: filters, missing: t.missing, progress: t.progress()}
	if len(filters) != 1 || filters[0].UserID != "" || filters[0].Mail != "" {
		return st
	}
	if filters[0].ID != "" {
		st.missing = nil // a session is found by ID without the indexes
		return st
	}
	st.filters, st.parted = nil, true
	for p := int(from); p <= entra.SessionParts; p++ {
		filters[0].Part = p
		st.filters = append(st.filters, filters[0])
	}
	return st
}

// each applies work to the filters. An error contains what remains and how to continue.
func (st *steps) each(ctx context.Context, doing string, work func(context.Context, entra.SessionFilter) (int, error)) error {
	err := st.try(ctx, doing, work)
	switch {
	case err == nil || isMissingKeys(err):
		return err
	case st.next == 0 && ctx.Err() == nil:
		return err // nothing was done, and a repetition would fail in the same way
	}
	return st.unfinished(err)
}

// try applies work to the filters. Sessions that are sealed with a missing key are reported after all
// others have been processed.
func (st *steps) try(ctx context.Context, doing string, work func(context.Context, entra.SessionFilter) (int, error)) error {
	defer st.progress.clear()
	for ; st.next < len(st.filters); st.next++ {
		st.progress.show("%s: %s, %d %%", doing, countOf(st.handled), 100*st.next/len(st.filters))
		n, err := work(ctx, st.filters[st.next])
		st.handled += n
		switch {
		case isMissingKeys(err):
			st.missing = err
		case err != nil:
			return err
		}
	}
	return st.missing
}

// unfinished returns err with a description of what remains.
func (st *steps) unfinished(err error) error {
	if !st.parted {
		return &unfinishedError{error: err, remains: st.remaining(), again: st.tool.again(0)}
	}
	from := st.filters[st.next].Part
	done := fmt.Sprintf("%d of %d parts are done, %s", from-1, entra.SessionParts, st.remaining())
	return &unfinishedError{error: err, remains: done, again: st.tool.again(from)}
}

// remaining describes how many sessions remain. If the total is unknown, it estimates the number from
// the completed parts.
func (st *steps) remaining() string {
	switch {
	case st.total > 0:
		return countOf(max(0, st.total-st.handled)) + " remain"
	case st.next == 0:
		return "an unknown number of sessions remains"
	}
	return "about " + countOf(st.handled*(len(st.filters)-st.next)/st.next) + " remain"
}

// again returns the command that continues this one, from a part unless from is 0.
func (o *options) again(from int) string {
	words := append([]string{"fibermsal", o.command}, o.given(func(name string) bool { return name != "from" })...)
	if from > 0 {
		words = append(words, "-from", strconv.Itoa(from))
	}
	return strings.Join(words, " ")
}

// target returns the flags that determine what a command acts on.
func (o *options) target() string {
	return strings.Join(o.given(func(name string) bool {
		return slices.Contains([]string{"id", "mail", "user", "tenant", "before", "from", "unreadable"}, name)
	}), " ")
}

// given returns the flags that were set, as words for a shell.
func (o *options) given(included func(name string) bool) (words []string) {
	o.set.Visit(func(f *flag.Flag) {
		if !included(f.Name) {
			return
		}
		words = append(words, "-"+f.Name)
		if isSwitch, ok := f.Value.(interface{ IsBoolFlag() bool }); !ok || !isSwitch.IsBoolFlag() {
			words = append(words, shellWord(f.Value.String()))
		}
	})
	return words
}

// shellWord quotes a word for a shell if necessary.
func shellWord(word string) string {
	if word != "" && !strings.ContainsFunc(word, func(r rune) bool {
		return !strings.ContainsRune("@%+=:,./-_", r) && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
