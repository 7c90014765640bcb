package phrases

import (
	"strings"
	"testing"
)

func TestPreferred_IsTheBestThatThePagesHave(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]string{
		"":                                    "en",
		"*":                                   "en",
		"de":                                  "de",
		"DE-ch":                               "de",
		"de-CH-1996, en;q=0.9":                "de",
		"fr-CA,fr;q=0.9,en;q=0.8":             "fr",
		"es-419":                              "es",
		"pt-PT":                               "pt-BR",
		"pt":                                  "pt-BR",
		"ja-JP":                               "ja",
		"zh":                                  "zh-Hans",
		"zh-CN,zh;q=0.9":                      "zh-Hans",
		"zh-Hans-HK":                          "zh-Hans",
		"zh-TW":                               "en",
		"zh-Hant-HK, en;q=0.1":                "en",
		"zh-TW,zh;q=0.9,en-US;q=0.8,en;q=0.7": "zh-Hans", // the user reads them, too
		"nl":                                  "en",
		"nl, de;q=0.1":                        "de",
		"en;q=0.1, de;q=0.2":                  "de",
		"de;q=0.2, en;q=0.1":                  "de",
		"en, de":                              "en",
		"de, en":                              "de",
		"de;q=0.5, fr;q=0.5":                  "de",
		"de;q=0":                              "en",
		"de;q=0.000, fr;q=0.001":              "fr",
		"de;q=1.000, fr;q=1":                  "de",
		" de ; q = 0.5\t,\tfr;Q=0.6":          "fr",
		"de;q=1.001, fr;q=0.1":                "fr",
		"de;q=0.1234, fr;q=0.1":               "fr",
		"de;q=-1, de;q=x, de;q=, de;q, de;, fr;q=0.1": "fr",
		"de;level=1, fr;q=0.1":                        "fr",
		"de;q=0.9;x=y, fr;q=0.1":                      "fr",
		"de;q=1., fr;q=0.1":                           "de",
		"de;q=.9, fr;q=0.1":                           "fr",
		"deutsch, der, d, -, de_DE, fr;q=0.1":         "fr",
		",,, ,de":                                     "de",
		"\x00, \xff, de":                              "de",
		strings.Repeat("nl,", 31) + "de":              "de",
		strings.Repeat("nl,", 32) + "de":              "en", // bounded
	} {
		if got := Preferred(header).Tag; got != want {
			t.Errorf("%q: %s, want %s", header, got, want)
		}
	}
}

// For any header, the result is a language of the pages, and the header contains it unless it is
// English. A header with one highest preference gets this language.
func FuzzPreferred(f *testing.F) {
	for _, seed := range []string{"", "de", "de-CH, fr;q=0.9, *;q=0.1", "zh-Hant, zh;q=0.5", "de;q=0.1234", ";;;", "q=1", "de;q=0;q=1", "\t de ; q=1.000 "} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		got := Preferred(header)
		if got != English && !strings.Contains(strings.ToLower(header), got.ranges[0]) {
			t.Fatalf("%q: %s", header, got.Tag)
		}
		for _, l := range languages {
			if chosen := Preferred(l.Tag + "," + header); chosen != l {
				t.Fatalf("%q after %s: %s", header, l.Tag, chosen.Tag)
			}
		}
	})
}

func BenchmarkPreferred(b *testing.B) {
	for b.Loop() {
		Preferred("nl-NL,nl;q=0.9,de;q=0.8,en-US;q=0.7,en;q=0.6")
	}
}
