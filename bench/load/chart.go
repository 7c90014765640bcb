package main

import (
	"cmp"
	"fmt"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

var (
	blue = color.RGBA{R: 0x1f, G: 0x6f, B: 0xeb, A: 0xff} // ours
	grey = color.RGBA{R: 0x9a, G: 0xa4, B: 0xb2, A: 0xff} // floors
	rust = color.RGBA{R: 0xd9, G: 0x77, B: 0x57, A: 0xff} // peers
	ink  = color.RGBA{R: 0x24, G: 0x29, B: 0x2f, A: 0xff}
)

func colorOf(system string) color.Color {
	switch system {
	case ours, oursOnV3, oursTwice:
		return blue
	case bareGet, fiberFloor:
		return grey
	}
	return rust
}

// bar is one bar of a chart.
type bar struct {
	name  string
	value float64
	note  string // at its end
}

// bars is a panel of horizontal bars, the shortest on top.
func bars(title string, all []bar) (*plot.Plot, error) {
	slices.SortFunc(all, func(a, b bar) int { return cmp.Compare(b.value, a.value) })
	p := newPlot(title)
	names := make([]string, len(all))
	most := 0.0
	for i, b := range all {
		names[i], most = b.name, max(most, b.value)
		chart, err := plotter.NewBarChart(plotter.Values{b.value}, vg.Points(15))
		if err != nil {
			return nil, err
		}
		chart.XMin, chart.Horizontal, chart.Color, chart.LineStyle.Width = float64(i), true, colorOf(b.name), 0
		labels, err := plotter.NewLabels(plotter.XYLabels{XYs: plotter.XYs{{X: b.value, Y: float64(i)}}, Labels: []string{b.note}})
		if err != nil {
			return nil, err
		}
		labels.TextStyle[0].YAlign, labels.TextStyle[0].Color = -0.4, ink
		labels.TextStyle[0].Font, labels.Offset.X = sans(9), vg.Points(4)
		p.Add(chart, labels)
	}
	p.NominalY(names...)
	p.X.Min, p.X.Max = 0, most*1.3 // there is text at the end
	p.Y.Min, p.Y.Max = -0.7, float64(len(all))-0.3
	p.HideX()
	return p, nil
}

func newPlot(title string) *plot.Plot {
	p := plot.New()
	p.Title.Text, p.Title.TextStyle.Font, p.Title.TextStyle.Color, p.Title.Padding = title, sans(11), ink, vg.Points(4)
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Tick.Label.Font, axis.Label.TextStyle.Font, axis.Width = sans(9), sans(9), 0
		axis.Tick.Label.Color, axis.Label.TextStyle.Color = ink, ink
		axis.Tick.Width = 0
	}
	return p
}

func sans(size float64) font.Font {
	return font.Font{Typeface: "Liberation", Variant: "Sans", Size: vg.Points(size)}
}

// draws writes panels below each other, with heights according to their shares.
func draws(name string, width, height vg.Length, shares []float64, panels ...*plot.Plot) error {
	canvas := vgsvg.New(width, height)
	whole := draw.New(canvas)
	whole.SetColor(color.White)
	whole.Fill(whole.Path())
	top, sum := whole.Max.Y, 0.0
	for _, share := range shares {
		sum += share
	}
	for i, p := range panels {
		part := height * vg.Length(shares[i]/sum)
		p.Draw(draw.Crop(whole, vg.Points(8), -vg.Points(8), top-part-whole.Min.Y+vg.Points(4), top-whole.Max.Y-vg.Points(4)))
		top -= part
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	if _, err := canvas.WriteTo(file); err != nil {
		_ = file.Close()
		return err
	}
	return file.Close()
}

// requestsChart shows the cost of requests for each system.
func requestsChart(name string, results map[string]*result) error {
	var panels []*plot.Plot
	var shares []float64
	for _, workload := range []string{"session", "graph", "signin"} {
		r := results[workload]
		if r == nil {
			continue
		}
		mine := r.Summary[ours].CPU.Median
		var all []bar
		for system, s := range r.Summary {
			if system == oursTwice || !comesWithTheProject(system) {
				continue
			}
			note := fmt.Sprintf("%s (%.2g x)", short(s.CPU.Median), s.CPU.Median/mine)
			if system == ours {
				note = short(s.CPU.Median)
			}
			all = append(all, bar{system, s.CPU.Median, note})
		}
		p, err := bars(titles[workload], all)
		if err != nil {
			return err
		}
		panels, shares = append(panels, p), append(shares, float64(len(all))+1.4)
	}
	if len(panels) == 0 {
		return nil
	}
	return draws(name, 17*vg.Centimeter, 12.5*vg.Centimeter, shares, panels...)
}

var titles = map[string]string{
	"session": "Server CPU of a signed-in request",
	"graph":   "... that calls Graph with the user's token",
	"signin":  "... of a whole sign-in",
}

// short formats a number of microseconds briefly.
func short(us float64) string {
	if us >= 1000 {
		return fmt.Sprintf("%.2f ms", us/1000)
	}
	return fmt.Sprintf("%.0f us", us)
}

// growthChart shows the values that do not depend on the number of sessions.
func growthChart(name string, r *result) error {
	p := newPlot("A worker's look-up by mail, and the CPU of a request (us)")
	p.X.Label.Text = "sessions"
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	var request, lookUp plotter.XYs
	most := 0.0
	for _, g := range r.Growth {
		x := float64(g.Sessions)
		request, lookUp = append(request, plotter.XY{X: x, Y: g.Session.CPU}), append(lookUp, plotter.XY{X: x, Y: g.LookUp.P50})
		most = max(most, g.Session.CPU, g.LookUp.P50)
	}
	for _, l := range []struct {
		name   string
		points plotter.XYs
		color  color.Color
	}{{"look-up", lookUp, rust}, {"request", request, blue}} {
		line, points, err := plotter.NewLinePoints(l.points)
		if err != nil {
			return err
		}
		line.Color, line.Width, points.Color, points.Shape = l.color, vg.Points(2), l.color, draw.CircleGlyph{}
		p.Add(line, points)
		p.Legend.Add(l.name, line)
	}
	p.Legend.TextStyle.Font, p.Legend.Top, p.Legend.Padding = sans(9), true, vg.Points(3)
	p.Y.Min, p.Y.Max = 0, math.Ceil(most*1.4/20)*20
	return draws(name, 17*vg.Centimeter, 7*vg.Centimeter, []float64{1}, p)
}

// stormChart shows how often Entra is called after one token has expired.
func stormChart(name string, r *result) error {
	var all []bar
	for _, s := range r.Storms {
		calls := 0
		for _, n := range s.Calls {
			calls += n
		}
		each := float64(calls) / float64(len(s.Calls))
		note := fmt.Sprintf("%.3g", each)
		if s.Succeeded < s.Requests {
			note += fmt.Sprintf(", and %d of %d requests fail", s.Requests-s.Succeeded, s.Requests)
		}
		all = append(all, bar{s.System, each, note})
	}
	p, err := bars(fmt.Sprintf("Token calls for %d requests on one expired token, in each process", r.AtOnce), all)
	if err != nil {
		return err
	}
	return draws(name, 17*vg.Centimeter, 4.5*vg.Centimeter, []float64{1}, p)
}
