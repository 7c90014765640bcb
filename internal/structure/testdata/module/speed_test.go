package module

import "testing"

func FuzzSpeed(f *testing.F) { f.Skip() }
