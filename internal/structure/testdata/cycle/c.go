package cycle

// A constant, a variable and a function that is exported.
const (
	Limit = 3
	bound = 4
)

var Names, hidden []string

func Do() {}

type third struct{}

func newThird() *third { return &third{} }

func (t *third) go3() {
	f := struct{ inner func() int }{func() int { return 1 }}
	_ = f.inner()
	_ = counted{}.count
}
