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

// MSAL returns @azure/msal-browser for browsers. If it is not there yet, npm installs the version that
// package-lock.json names, beside this file.
func MSAL(ctx context.Context, log io.Writer) ([]byte, error) {
	_, source, _, _ := runtime.Caller(0)
	dir := filepath.Dir(source)
	file := filepath.Join(dir, "node_modules", "@azure", "msal-browser", "lib", "msal-browser.min.js")
	content, err := os.ReadFile(file)
	if !errors.Is(err, os.ErrNotExist) {
		return content, err
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		return nil, fmt.Errorf("the page needs @azure/msal-browser from npm, and npm is not installed: "+
			"install Node.js from https://nodejs.org, or run \"npm ci\" elsewhere and copy node_modules to %s", dir)
	}
	fmt.Fprintln(log, "Installing @azure/msal-browser with npm, once …")
	install := exec.CommandContext(ctx, npm, "ci", "--loglevel=error")
	install.Dir, install.Stdout, install.Stderr = dir, log, log
	if err := install.Run(); err != nil {
		return nil, fmt.Errorf("the page needs @azure/msal-browser: \"npm ci\" in %s: %w", dir, err)
	}
	return os.ReadFile(file)
}
