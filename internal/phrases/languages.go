package phrases

// English is the default language.
var English = &Language{Tag: "en", Direction: leftToRight, ranges: []string{"en"}, texts: &english}

// leftToRight is the direction of all current languages. The pages also support right-to-left text.
const leftToRight = "ltr"

// languages are the languages of the pages.
var languages = []*Language{
	English,
	{Tag: "de", Direction: leftToRight, ranges: []string{"de"}, texts: &german},
	{Tag: "fr", Direction: leftToRight, ranges: []string{"fr"}, texts: &french},
	{Tag: "es", Direction: leftToRight, ranges: []string{"es"}, texts: &spanish},
	{Tag: "pt-BR", Direction: leftToRight, ranges: []string{"pt"}, texts: &portuguese},
	{Tag: "ja", Direction: leftToRight, ranges: []string{"ja"}, texts: &japanese},
	{
		Tag: "zh-Hans", Direction: leftToRight, ranges: []string{"zh"}, texts: &chinese,
		except: []string{"zh-hant", "zh-tw", "zh-hk", "zh-mo"}, // traditional characters
	},
}

// English returns the text in English.
func (k Key) English() string { return English.Text(k) }
