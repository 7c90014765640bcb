package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf16"

	"github.com/fibermsal/fibermsal/entra"
)

// print writes a result as JSON or as text.
func (t *tool) print(result any, format string, args ...any) error {
	if t.json {
		return writeJSON(t.out, result)
	}
	_, err := fmt.Fprintf(t.out, format, args...)
	return err
}

// writeJSON writes a value on one line. It escapes characters that JSON allows but that are not
// printable, because the line may be shown on a terminal, where some of them change the order of the
// text.
func writeJSON(w io.Writer, value any) error {
	line, err := json.Marshal(value)
	if err != nil {
		return err
	}
	var b strings.Builder
	for _, r := range string(line) {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	_, err = fmt.Fprintln(w, b.String())
	return err
}

// row is a session in JSON. It does not contain the values that the app has added to the user.
type row struct {
	ID              string    `json:"id"`
	TenantID        string    `json:"tenant_id"`
	UserID          string    `json:"user_id"`
	Username        string    `json:"username,omitempty"`
	Name            string    `json:"name,omitempty"`
	Mail            string    `json:"mail,omitempty"`
	Roles           []string  `json:"roles,omitempty"`
	Browser         string    `json:"browser,omitempty"`
	SignedInAt      time.Time `json:"signed_in_at"`
	AuthenticatedAt time.Time `json:"authenticated_at,omitzero"`
	LastSeenAt      time.Time `json:"last_seen_at,omitzero"`
	IdleAt          time.Time `json:"idle_at,omitzero"`
	ExpiresAt       time.Time `json:"expires_at"`
}

func rowOf(s entra.SessionInfo) row {
	return row{
		ID: s.ID, TenantID: s.User.TenantID, UserID: s.User.ID, Username: s.User.Username, Name: s.User.Name, Mail: s.User.Mail, Roles: s.User.Roles, Browser: s.Browser,
		SignedInAt: utc(s.User.SignedInAt), AuthenticatedAt: utc(s.AuthenticatedAt), LastSeenAt: utc(s.LastSeenAt), IdleAt: utc(s.IdleAt), ExpiresAt: utc(s.User.ExpiresAt),
	}
}

func utc(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC().Truncate(time.Second)
}

// rows prints sessions, as a table or as one JSON object per line. A table is written in parts, so that
// the memory use does not depend on the number of rows.
type rows struct {
	to    io.Writer
	json  bool
	table *tabwriter.Writer
	n     int
}

// rowsAtOnce is how many rows of a table have columns of the same width.
const rowsAtOnce = 1000

func newRows(to io.Writer, asJSON bool) *rows {
	r := &rows{to: to, json: asJSON, table: tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)}
	if !asJSON {
		fmt.Fprintln(r.table, "USER\tMAIL\tSIGNED IN\tLAST SEEN\tENDS\tID") // flush returns the same error
	}
	return r
}

func (r *rows) add(s entra.SessionInfo) error {
	line := rowOf(s)
	if r.json {
		return writeJSON(r.to, line)
	}
	ends := line.ExpiresAt
	if !line.IdleAt.IsZero() && line.IdleAt.Before(ends) {
		ends = line.IdleAt
	}
	name := line.Username
	if name == "" {
		name = line.UserID
	}
	if _, err := fmt.Fprintf(r.table, "%s\t%s\t%s\t%s\t%s\t%s\n", cell(name), cell(line.Mail), shown(line.SignedInAt), shown(line.LastSeenAt), shown(ends), line.ID); err != nil {
		return err
	}
	if r.n++; r.n%rowsAtOnce == 0 {
		return r.table.Flush()
	}
	return nil
}

func shown(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Format(time.RFC3339)
}

func (r *rows) flush() error { return r.table.Flush() }

// countOf returns a number of sessions as text.
func countOf(n int) string {
	if n == 1 {
		return "1 session"
	}
	return fmt.Sprintf("%d sessions", n)
}
