package main

import (
	"fmt"
	"html"
	"io"
	"strings"
)

// pair is a figure of ours beside that of the naive app.
type pair struct {
	row, name   string
	ours, naive bar
}

// bar is a value of a pair.
type bar struct {
	text   string
	number float64
}

// pairs returns one pair for each row of which the naive app has a figure in the same unit: those that the row names, or
// the first that have the same name.
func pairs(cards []card) (all []pair) {
	for _, c := range cards {
		if p, ok := c.pair(); ok {
			all = append(all, p)
		}
	}
	return all
}

func (c card) pair() (p pair, ok bool) {
	for _, n := range c.naive {
		for _, o := range c.ours {
			if !c.comparable(o, n) {
				continue
			}
			if p, ok = c.compared(o, n); ok {
				return p, true
			}
		}
	}
	return pair{}, false
}

// comparable reports whether two figures are about the same.
func (c card) comparable(ours, naive summary) bool {
	if c.bars.ours != "" {
		return strings.HasPrefix(ours.name, c.bars.ours) && strings.HasPrefix(naive.name, c.bars.naive)
	}
	return ours.name == naive.name
}

// compared makes a pair of two figures, if they have the same unit.
func (c card) compared(ours, naive summary) (p pair, ok bool) {
	mine, ok1 := ours.most()
	other, ok2 := naive.most()
	if !ok1 || !ok2 || mine.unit != other.unit {
		return pair{}, false
	}
	return pair{c.id, ours.name, bar{ours.String(), mine.number}, bar{naive.String(), other.number}}, true
}

const (
	chartWidth  = 760
	pairHeight  = 50
	chartTop    = 34
	barLeft     = 86
	barWidth    = 440
	barHeight   = 12
	blue        = "#1f6feb" // ours
	rust        = "#d97757" // the naive app
	ink         = "#24292f"
	pale        = "#57606a"
	longestText = 40
)

// writeChart draws pairs below each other, each with a scale of its own. The background is white, because a page may be
// dark.
func writeChart(w io.Writer, all []pair) {
	height := chartTop + pairHeight*len(all) + 10
	fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="Liberation Sans, Arial, sans-serif" font-size="11" role="img">`+"\n", chartWidth, height)
	fmt.Fprintf(w, `<title>Figures of fibermsal beside those of an app without it</title>`+"\n"+`<rect width="%d" height="%d" rx="6" fill="#ffffff"/>`+"\n", chartWidth, height)
	fmt.Fprintf(w, `<text x="12" y="20" fill="%s">Shorter is better. Each pair has a scale of its own.</text>`+"\n", pale)
	for i, p := range all {
		y := chartTop + pairHeight*i
		fmt.Fprintf(w, `<text x="12" y="%d" fill="%s" font-weight="bold">%s  %s</text>`+"\n", y+12, ink, p.row, html.EscapeString(p.name))
		most := max(p.ours.number, p.naive.number)
		writeBar(w, y+17, "fibermsal", blue, p.ours, most)
		writeBar(w, y+17+barHeight+2, "naive app", rust, p.naive, most)
	}
	fmt.Fprint(w, "</svg>\n")
}

func writeBar(w io.Writer, y int, name, color string, b bar, most float64) {
	width := 1.0 // zero is visible, too
	if most > 0 {
		width = max(width, barWidth*b.number/most)
	}
	fmt.Fprintf(w, `<text x="%d" y="%d" fill="%s" text-anchor="end">%s</text>`, barLeft-6, y+barHeight-2, pale, name)
	fmt.Fprintf(w, `<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>`, barLeft, y, width, barHeight, color)
	fmt.Fprintf(w, `<text x="%.1f" y="%d" fill="%s">%s</text>`+"\n", barLeft+width+5, y+barHeight-2, ink, html.EscapeString(shortened(b.text)))
}

// shortened returns a text that fits beside the longest bar.
func shortened(text string) string {
	if before, _, found := strings.Cut(text, ", "); found {
		text = before
	}
	if r := []rune(text); len(r) > longestText {
		return string(r[:longestText]) + "…"
	}
	return text
}
