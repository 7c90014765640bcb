package imports

import (
	"strings"

	"example.invalid/absent/v2"
)

// imported has names of what is imported, which are also names of local things.
var imported = strings.ToLower(absent.closure(absent.local{}))
