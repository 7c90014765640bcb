package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// The walks. The third one begins where the second one ends.
const (
	toSignedInPage   = "from a clone to a signed-in page"
	toProtectedRoute = "from an empty module to the first protected route"
	toSignedInTest   = "from there to the first test with a signed-in user"
)

const (
	user  = "Adele Vance"
	login = "AdeleV@contoso.com"
	// What the app of the documents listens on, and its protected route.
	listening = "127.0.0.1:3000"
	route     = "http://localhost:3000/hello"
)

// way is what a newcomer does in one directory, as one or more walks.
type way func(context.Context, *session) ([]*walk, error)

var ways = []way{exampleWay, moduleWay}

// announced is what the example app prints when it is ready.
var announced = regexp.MustCompile(`(?m)^\s*Open\s+(http://\S+)$`)

// exampleWay clones the repository and signs in to the example app.
func exampleWay(ctx context.Context, s *session) ([]*walk, error) {
	w := s.begin(toSignedInPage)
	err := w.step(s.guide.clone, func() error {
		return s.in("").run(ctx, strings.Replace(s.guide.clone, publishedClone, s.place.source(), 1))
	})
	if err != nil {
		return nil, err
	}
	var example *program
	address := ""
	err = w.step(s.guide.example, func() (err error) {
		if example, err = s.in("fibermsal").start(ctx, s.guide.example); err != nil {
			return err
		}
		match, err := example.prints(announced)
		if err == nil {
			address = match[1]
		}
		return err
	})
	defer example.stop()
	if err != nil {
		return nil, err
	}
	err = w.step("open "+address+", and sign in as "+user, func() error { return signInByLink(ctx, address) })
	return []*walk{w}, err
}

// moduleWay makes an app, and its first test.
func moduleWay(ctx context.Context, s *session) ([]*walk, error) {
	if err := os.Mkdir(filepath.Join(s.directory, "hello"), 0o755); err != nil {
		return nil, err
	}
	first := s.begin(toProtectedRoute)
	if err := makeApp(ctx, s, first); err != nil {
		return nil, err
	}
	err := s.withEmulator(ctx, first, func(exports string) error {
		return s.withApp(ctx, first, exports, func() error { return openRoute(ctx, first) })
	})
	if err != nil {
		return nil, err
	}
	second := s.begin(toSignedInTest)
	return []*walk{first, second}, testApp(ctx, s, second)
}

// makeApp makes a module with the code of the documents.
func makeApp(ctx context.Context, s *session, w *walk) error {
	hello := s.in("hello")
	if err := w.step(s.guide.create, func() error { return hello.run(ctx, s.guide.create) }); err != nil {
		return err
	}
	if err := w.step("write main.go", func() error { return hello.write("main.go", s.guide.program) }); err != nil {
		return err
	}
	if err := hello.run(ctx, strings.ReplaceAll(s.guide.replace, pathOfClone, quoted(s.place.clone))); err != nil {
		return err
	}
	return w.step(s.guide.get, func() error { return hello.run(ctx, s.guide.get) })
}

// lastExport is the end of what the emulator prints.
var lastExport = regexp.MustCompile(`(?m)^# export SSL_CERT_FILE=.+$`)

// withEmulator starts the emulator, and stops it in the end.
func (s *session) withEmulator(ctx context.Context, w *walk, do func(exports string) error) error {
	var emulator *program
	err := w.step(s.guide.emulator, func() (err error) {
		command := strings.Replace(s.guide.emulator, publishedEmulator, "./cmd/entra-emulator", 1)
		if emulator, err = s.atHome(s.place.clone).start(ctx, command); err != nil {
			return err
		}
		_, err = emulator.prints(lastExport)
		return err
	})
	defer emulator.stop()
	if err != nil {
		return err
	}
	return do(emulator.stdout.String())
}

// withApp starts the app in a shell with the emulator's commands, and stops it in the end.
func (s *session) withApp(ctx context.Context, w *walk, exports string, do func() error) error {
	var app *program
	err := w.step("paste what it prints into another shell, and there: "+s.guide.run, func() (err error) {
		if app, err = s.in("hello").start(ctx, exports+"\n"+s.guide.run); err != nil {
			return err
		}
		return app.serves(listening)
	})
	defer app.stop()
	if err != nil {
		return err
	}
	return do()
}

// openRoute opens the protected route, which leads to the sign-in, and signs in.
func openRoute(ctx context.Context, w *walk) error {
	visitor, err := newBrowser()
	if err != nil {
		return err
	}
	var opened *page
	err = w.step("open "+route+", which leads to the sign-in", func() (err error) {
		if opened, err = visitor.open(ctx, route); err == nil && opened.name != accountsPage {
			err = opened.unexpected()
		}
		return err
	})
	if err != nil {
		return err
	}
	return w.step("choose "+user+", to whom the route answers", func() error {
		answer, err := visitor.signIn(ctx, opened, login)
		if err == nil && (answer.address.String() != route || !strings.Contains(answer.text, user)) {
			err = answer.unexpected()
		}
		return err
	})
}

// testApp adds the first test to the app.
func testApp(ctx context.Context, s *session, w *walk) error {
	hello := s.in("hello")
	if err := w.step("write main_test.go", func() error { return hello.write("main_test.go", s.guide.firstTest) }); err != nil {
		return err
	}
	return w.step(s.guide.test, func() error {
		said, err := hello.output(ctx, s.guide.test)
		if err == nil && !strings.Contains(said, "--- PASS: Test") {
			err = errors.New("no test has passed:\n" + said)
		}
		return err
	})
}

// signInByLink opens a home page and follows its link to the sign-in.
func signInByLink(ctx context.Context, address string) error {
	visitor, err := newBrowser()
	if err != nil {
		return err
	}
	home, err := visitor.open(ctx, address)
	if err != nil {
		return err
	}
	link, err := home.link("/user/login")
	if err != nil {
		return err
	}
	opened, err := visitor.open(ctx, link)
	if err != nil {
		return err
	}
	greeting, err := visitor.signIn(ctx, opened, login)
	if err == nil && !strings.Contains(greeting.text, user) {
		err = fmt.Errorf("the page does not name %s: %w", user, greeting.unexpected())
	}
	return err
}
