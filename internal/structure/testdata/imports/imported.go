package imports

import (
	"strings"
)

// imported has names of what is imported, which are also names of local things.
var imported = strings.ToLower(absent.closure(absent.local{}))
