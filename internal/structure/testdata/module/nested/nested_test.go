package nested

import "testing"

func FuzzNested(f *testing.F) { f.Skip() }
