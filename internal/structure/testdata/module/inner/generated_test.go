// Code generated from ../speed_test.go; DO NOT EDIT.

package inner

import "testing"

func FuzzSpeed(f *testing.F) { f.Skip() }
