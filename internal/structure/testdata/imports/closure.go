package imports

import "example.invalid/absent/v2"

func closure() error {
	l := &local{}
	return absent.Do(func() { l.run() })
}
