package inner

import "testing"

func FuzzDepth(f *testing.F) { f.Skip() }
func FuzzWidth(f *testing.F) { f.Skip() }
