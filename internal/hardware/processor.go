// Package hardware describes the machine of a measurement.
package hardware

import (
	"os"
	"strings"
)

// Processor returns Linux's name of the first processor, or "" if it is unknown, as on other systems.
func Processor() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(info)) {
		if key, value, _ := strings.Cut(line, ":"); strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
