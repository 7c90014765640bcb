package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// readLines reads the objects that a program prints, one per line, and reports each of them as progress, like all other
// lines.
func readLines[T any](stream io.Reader, progress io.Writer, text func(T) string) (all []T, err error) {
	lines := bufio.NewScanner(stream)
	for lines.Scan() {
		line := bytes.TrimSpace(lines.Bytes())
		if !bytes.HasPrefix(line, []byte("{")) {
			fmt.Fprintf(progress, "%s\n", line)
			continue
		}
		var one T
		if err := json.Unmarshal(line, &one); err != nil {
			return all, err
		}
		all = append(all, one)
		fmt.Fprintf(progress, "%s\n", text(one))
	}
	return all, lines.Err()
}
