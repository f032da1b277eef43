package resolvers_test

import (
	"hash/fnv"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"
)

// rows are added at the head between the client's pages.
func TestZZAddedBetween(t *testing.T) {
	for _, key := range []string{"fp.E", "up.R", "pk.E"} {
		for _, more := range []int{1, 5, 30, 99, 100, 150} {
			l := zzLists()[key]
			all := zzRows(l[2], 600, nil)
			v := &zzVendor{name: l[0], lists: map[string][]object{l[1]: all[150:]}}
			w := zzNew(t, v, setup{pages: 20, calls: 50})
			list := zzNouns[key]
			seen, after, pages := map[string]int{}, any(nil), 0
			for pages < 20 {
				pages++
				a := w.ask(fmt.Sprintf(`query ($a: String) { %s(first: 100, after: $a) { nodes { providerId } pageInfo { hasNextPage endCursor } } }`, list), map[string]any{"a": after})
				d := zzRow(a.text)
				ns, _ := at(d, "data", list, "nodes").([]any)
				for _, n := range ns {
					seen[fmt.Sprint(at(n, "providerId"))]++
				}
				if pages == 1 {
					v.lists[l[1]] = all[150-more:]
				}
				if at(d, "data", list, "pageInfo", "hasNextPage") != true {
					break
				}
				after = at(d, "data", list, "pageInfo", "endCursor")
			}
			lost, twice := 0, 0
			for _, r := range all[150:] {
				switch n := seen[fmt.Sprint(r["id"])]; {
				case n == 0:
					lost++
				case n > 1:
					twice++
				}
			}
			if lost > 0 || twice > 0 {
				t.Errorf("%s %d added: %d lost, %d twice, %d pages", key, more, lost, twice, pages)
			}
		}
	}
}

// hasNextPage true with a null cursor.
func TestZZNullCursor(t *testing.T) {
	for key, list := range zzNouns {
		for _, status := range []int{500, 429, 200} {
			l := zzLists()[key]
			v := &zzVendor{name: l[0]}
			v.hook = func(w http.ResponseWriter, r *http.Request) bool { v.send(w, status, `{"x":`); return true }
			a := zzNew(t, v, setup{timeout: 200 * time.Millisecond}).ask(fmt.Sprintf(`{ %s(first: 5) { nodes { id } pageInfo { hasNextPage endCursor } } }`, list), nil)
			if strings.Contains(a.text, `"hasNextPage":true,"endCursor":null`) {
				t.Errorf("%s %d: %s", key, status, clipped(string(a.Data)))
			}
		}
	}
}

// odd words about where a list ends.
func TestZZPagination(t *testing.T) {
	for _, more := range []string{`true`, `"true"`, `1`, `"1"`, `null`, `{}`, `[]`, `"yes"`, `2`, ``, `false`, `"false"`, `0`} {
		for _, rest := range []string{`"page":%[1]d,"limit":100,"total_count":250,"total_pages":3`, `"page":%[1]d,"limit":100`, `"page":%[1]d,"total_count":"250"`, `"total_count":"250 rows","total_pages":"three"`,
			`"page":%[1]d,"limit":100,"total_count":0,"total_pages":0`, `"page":%[1]d,"limit":100,"total_count":-1,"total_pages":-1`, `"total_count":9223372036854775807,"total_pages":9223372036854775807`, `"total_count":100,"total_pages":1`} {
			last := strings.Contains(`false"false"0`, more) && more != ""
			all := zzRows(zzPKE, 250, nil)
			v := &zzVendor{name: "promotekit"}
			v.hook = func(w http.ResponseWriter, r *http.Request) bool {
				n := 1
				fmt.Sscan(r.URL.Query().Get("page"), &n)
				from, to := min((n-1)*100, 250), min(n*100, 250)
				p := fmt.Sprintf(rest+"%[2]s", n, "")
				m := more
				if to == 250 && (m == "true" || m == `"true"` || m == "1" || m == `"1"`) {
					m = strings.NewReplacer("true", "false", "1", "0").Replace(m)
				}
				if m != "" {
					p += `,"has_more":` + m
				}
				v.send(w, 200, fmt.Sprintf(`{"success":true,"data":%s,"pagination":{%s}}`, zzJSON(all[from:to]), p))
				return true
			}
			rows, errs, pages := zzWalk(zzNew(t, v, setup{}), "commissions", "", 100)
			if len(rows) != 250 && len(errs) == 0 {
				note := ""
				if last {
					note = "(vendor says it ends)"
				}
				t.Errorf("has_more %s, %s: %d rows, %d pages, calls %d %s", more, rest, len(rows), pages, len(v.taken()), note)
			} else if len(errs) > 0 {
				t.Logf("has_more %s, %s: %d rows %v calls %d", more, rest, len(rows), errs[len(errs)-1], len(v.taken()))
			}
		}
	}
}

// a reply within the bound that takes much more memory than its size.
func TestZZMemory(t *testing.T) {
	mk := func(el, sep string, n int) string { return strings.TrimSuffix(strings.Repeat(el+sep, n), sep) }
	for _, c := range []struct{ name, key, member, raw string }{
		{"ids text", "up.T", "referral_ids", `"` + mk("1", ",", 3_900_000) + `"`},
		{"ids array", "up.T", "referral_ids", `[` + mk("1", ",", 3_900_000) + `]`},
		{"ids distinct", "up.T", "referral_ids", `[` + zzCount(1_000_000) + `]`},
		{"coupons", "up.A", "coupons", `[` + mk(`"a"`, ",", 1_900_000) + `]`},
		{"coupons text", "up.A", "coupons", `"` + mk("a", ",", 3_900_000) + `"`},
		{"links", "pk.A", "links", `[` + mk(`{}`, ",", 2_600_000) + `]`},
		{"promo", "pk.A", "promo_codes", `[` + mk(`{}`, ",", 2_600_000) + `]`},
		{"promo text", "pk.A", "promo_codes", `[` + mk(`"a"`, ",", 1_900_000) + `]`},
		{"memberships", "fp.P", "promoter_campaigns", `[` + mk(`{}`, ",", 2_600_000) + `]`},
		{"memberships ids", "fp.P", "promoter_campaigns", `[` + mk(`{"id":1}`, ",", 890_000) + `]`},
		{"members", "pk.A", "zz", `{` + zzKeys(600_000) + `}`},
	} {
		l := zzLists()[c.key]
		rows := zzRows(l[2], 1, nil)
		rows[0][c.member] = zzRawJSON(c.raw)
		text := zzJSON(rows[0])
		if len(text) > 8<<20-1000 {
			t.Logf("%s too long %d", c.name, len(text))
		}
		v := &zzVendor{name: l[0], lists: map[string][]object{l[1]: rows}, raw: map[string]map[int]string{l[1]: {0: text}}}
		w := zzNew(t, v, setup{timeout: 20 * time.Second})
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		peak, stop := uint64(0), make(chan struct{})
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				select {
				case <-stop:
					return
				case <-time.After(5 * time.Millisecond):
					var m runtime.MemStats
					runtime.ReadMemStats(&m)
					peak = max(peak, m.HeapAlloc)
				}
			}
		}()
		start := time.Now()
		a := w.ask(fmt.Sprintf(`{ %s(first: 5) { nodes { id providerId } } }`, zzNouns[c.key]), nil)
		took := time.Since(start)
		close(stop)
		<-done
		runtime.GC()
		runtime.ReadMemStats(&after)
		t.Logf("%-16s %s body %.1f MB: took %v, allocated %d MB, peak heap +%d MB, kept +%d MB: %.150s", c.name, c.key, float64(len(text))/1e6, took.Round(time.Millisecond), (after.TotalAlloc-before.TotalAlloc)>>20, (int64(peak)-int64(before.HeapAlloc))>>20, (int64(after.HeapAlloc)-int64(before.HeapAlloc))>>20, a.text)
		runtime.KeepAlive(w)
	}
}

func zzCount(n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprint(&b, 1000000+i)
	}
	return b.String()
}

func zzKeys(n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"%d":1`, i)
	}
	return b.String()
}

func TestZZClamp4(t *testing.T) {
	for _, size := range []int{3, 4, 5} {
		l := zzLists()["pk.E"]
		v := &zzVendor{name: l[0], clamp: size, lists: map[string][]object{l[1]: zzRows(l[2], 230, nil)}}
		rows, errs, p := zzWalk(zzNew(t, v, setup{pages: 200, calls: 300}), "commissions", "", 100)
		t.Log(size, len(rows), zzDistinct(zzIDs(rows)), errs, p, len(v.taken()))
	}
}

func TestZZClamp4b(t *testing.T) {
	for _, n := range []int{60, 100, 104, 108, 150, 230} {
		l := zzLists()["pk.E"]
		v := &zzVendor{name: l[0], clamp: 4, lists: map[string][]object{l[1]: zzRows(l[2], n, nil)}}
		rows, errs, p := zzWalk(zzNew(t, v, setup{pages: 200, calls: 300}), "commissions", "", 100)
		have := map[string]bool{}
		for _, id := range zzIDs(rows) {
			have[id] = true
		}
		missing := ""
		for i, r := range v.lists[l[1]] {
			if !have[fmt.Sprint(r["id"])] {
				missing += fmt.Sprint(" ", i)
			}
		}
		t.Log(n, len(rows), errs, p, "missing", missing)
		for i, c := range v.taken() {
			if n == 60 {
				t.Log(i, c)
			}
		}
	}
}

// two pages of different rows whose marks are equal: sums of FNV-1a of neighboring numbers collide.
func TestZZMarks(t *testing.T) {
	for _, c := range []struct {
		key        string
		size, step int
	}{{"fp.E", 20, 2}, {"fp.E", 40, 1}, {"up.R", 20, 2}, {"up.R", 40, 1}, {"up.A", 20, 2}} {
		start := 0
	search:
		for s := 1_000_000; s < 1_400_000; s += 7 {
			seen := map[uint64]bool{}
			for p := range 12 {
				m := uint64(1)
				for i := range c.size {
					f := fnv.New64a()
					fmt.Fprint(f, s-(p*c.size+i)*c.step)
					m += f.Sum64()
				}
				if seen[m] {
					start = s
					break search
				}
				seen[m] = true
			}
		}
		if start == 0 {
			t.Log("none found", c)
			continue
		}
		l := zzLists()[c.key]
		n := 12*c.size + 3
		v := &zzVendor{name: l[0], clamp: c.size, lists: map[string][]object{l[1]: zzRows(l[2], n, func(i int, r object) { r["id"] = start - i*c.step })}}
		rows, errs, _ := zzWalk(zzNew(t, v, setup{pages: 20, calls: 50}), zzNouns[c.key], "", 100)
		if len(rows) != n {
			t.Errorf("%v from id %d: %d rows of %d, errors %v", c, start, len(rows), n, errs)
		}
	}
}
