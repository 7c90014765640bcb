package entra

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// environment collects the fields of a Config from environment variables.
type environment struct {
	prefix   string
	values   map[string]string  // that have not been read yet, by name without the prefix
	network  map[string]setting // for connect, by name
	cfg      plainConfig
	problems problems
}

func (e *environment) refuse(name, field, format string, args ...any) {
	e.problems = append(e.problems, &ConfigError{Field: field, Problem: e.prefix + name + " " + fmt.Sprintf(format, args...), namesVariable: true})
}

func (e *environment) take(name string) (value string, ok bool) {
	value, ok = e.values[name]
	delete(e.values, name)
	return value, ok
}

func (e *environment) closeStorage() error {
	if e.cfg.Storage == nil {
		return nil
	}
	return e.cfg.Storage.Close()
}

// mountedText returns the content of a file. Errors do not contain the path, because it may be a secret
// that was put into the wrong variable.
func mountedText(path string) (string, error) {
	raw, err := os.ReadFile(path) //nolint:gosec // the operator's own
	if err != nil {
		return "", fmt.Errorf("cannot be read: %w", withoutPath(err))
	}
	content := strings.TrimSuffix(strings.TrimSuffix(string(raw), "\n"), "\r")
	if content == "" {
		return "", errors.New("names a file that is empty")
	}
	return content, nil
}

func withoutPath(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
