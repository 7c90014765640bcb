package entra

// refuseUnknown reports an unknown variable and suggests the known variable that was probably meant, if
// less than half of the letters differ. Otherwise the variable is probably the app's own.
func (e *environment) refuseUnknown(name string) {
	var nearest, field string
	best := -1
	for _, v := range variables {
		for _, candidate := range v.names() {
			if d := distance(name, candidate); best < 0 || d < best {
				best, nearest, field = d, candidate, v.field
			}
		}
	}
	if 2*best >= len(name) {
		e.refuse(name, "", "is unknown and similar to no known variable; if it is the app's own, name it to ConfigFromEnv, and to cmd/fibermsal with -own")
		return
	}
	e.refuse(name, field, "is unknown; the nearest is %s%s", e.prefix, nearest)
}

// distance returns how many letters must be changed, added or removed to turn one name into
// another (Levenshtein distance).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, diagonal+1, row[j]+1)
		}
	}
	return row[len(b)]
}
