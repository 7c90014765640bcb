package page

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// MSAL returns the script of @azure/msal-browser. If it is not installed yet, npm installs the version
// in package-lock.json next to this file.
func MSAL(ctx context.Context, log io.Writer) ([]byte, error) {
	_, source, _, _ := runtime.Caller(0)
	return load(ctx, filepath.Dir(source), log)
}

// load is like MSAL, for a directory that contains a package-lock.json.
func load(ctx context.Context, dir string, log io.Writer) ([]byte, error) {
	file := filepath.Join(dir, "node_modules", "@azure", "msal-browser", "lib", "msal-browser.min.js")
	content, err := os.ReadFile(file)
	if !errors.Is(err, os.ErrNotExist) {
		return content, err
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		return nil, errors.New("the page needs @azure/msal-browser from npm, and npm is not installed: " +
			"install Node.js from https://nodejs.org, and start this again")
	}
	fmt.Fprintln(log, "Installing @azure/msal-browser with npm, once …")
	install := exec.CommandContext(ctx, npm, "ci", "--loglevel=error")
	install.Dir, install.Stdout, install.Stderr = dir, log, log
	if err := install.Run(); err != nil {
		return nil, fmt.Errorf("the page needs @azure/msal-browser: \"npm ci\" in %s: %w", dir, err)
	}
	return os.ReadFile(file)
}
