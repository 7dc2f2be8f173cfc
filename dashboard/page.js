/* The page's own script. It computes what dashboard/figures.py computes, from the same programs and rows. */
(() => {
  "use strict";
  const began = performance.now();
  const page = JSON.parse(document.getElementById("data").textContent);
  const root = document.documentElement;
  const FILTERS = ["motion", "opportunity_type", "channel", "segment", "region", "team"];
  const NUMERIC = new Set(["money", "money_signed", "money_full", "count", "count_signed", "number", "index", "percent", "share", "points", "days"]);
  const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const SERIES = 10;

  /* --- text --- */
  const ESCAPES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&#34;", "'": "&#39;" };
  const safe = (text) => String(text).replace(/[&<>"']/g, (character) => ESCAPES[character]);
  const fixed = (value, digits) => {
    const [whole, rest] = value.toFixed(digits).split(".");
    const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
    return rest ? `${grouped}.${rest}` : grouped;
  };
  const compact = (number) => {
    for (const [size, letter] of [[1e9, "B"], [1e6, "M"], [1e3, "k"]]) {
      if (number >= size * 0.9995) {
        const tenths = fixed(number / size, 1);
        return (parseFloat(tenths.replace(/,/g, "")) < 100 ? tenths : fixed(number / size, 0)) + letter;
      }
    }
    return fixed(number, 0);
  };
  const unsigned = (number, style) => {
    switch (style) {
      case "money": case "money_signed": return page.symbol + compact(number);
      case "money_full": return page.symbol + fixed(number, 0);
      case "count": case "count_signed": return fixed(number, 0);
      case "number": case "days": return fixed(number, 1);
      case "index": return fixed(number, 2);
      case "percent": return fixed(number * 100, 1) + "%";
      case "share": return fixed(number * 100, 0) + "%";
      case "points": return fixed(number * 100, 1) + " pts";
      default: throw new Error(`unknown format ${style}`);
    }
  };
  const write = (value, style) => {
    if (value === null || value === undefined) return "–";
    if (style === "text") return String(value);
    if (style === "yes") return value && value !== "false" ? "yes" : "no";
    if (style === "date" || style === "month") {
      const [year, month, day] = String(value).slice(0, 10).split("-").map(Number);
      const text = `${MONTHS[month - 1]} ${year}`;
      return style === "month" ? text : `${day} ${text}`;
    }
    const text = unsigned(Math.abs(value), style);
    if (!/[1-9]/.test(text)) return text;
    if (value < 0) return "−" + text;
    return ["money_signed", "count_signed", "points"].includes(style) ? "+" + text : text;
  };
  const plain = (value) => String(value);

  /* --- programs --- */
  const COMPARISONS = new Set(["==", "!=", "<", "<=", ">", ">="]);
  const evaluate = (program, lookup) => {
    const [head, ...parts] = program;
    switch (head) {
      case "value": return parts[0];
      case "name": { const value = lookup(parts[0]); return value === undefined ? null : value; }
      case "if": return evaluate(evaluate(parts[0], lookup) ? parts[1] : parts[2], lookup);
      case "and": return parts.every((part) => evaluate(part, lookup));
      case "or": return parts.some((part) => evaluate(part, lookup));
    }
    const [left, right = left] = parts.map((part) => evaluate(part, lookup));
    if (head === "not") return !left;
    if (head === "known") return left !== null;
    if (head === "first_known") return left !== null ? left : right;
    if (left === null || right === null) return COMPARISONS.has(head) ? head === "!=" && left !== right : null;
    switch (head) {
      case "+": return left + right;
      case "-": return left - right;
      case "*": return left * right;
      case "/": return right ? left / right : null;
      case "==": return left === right;
      case "!=": return left !== right;
      case "<": return left < right;
      case "<=": return left <= right;
      case ">": return left > right;
      case ">=": return left >= right;
      case "abs": return Math.abs(left);
      case "min": return Math.min(left, right);
      case "max": return Math.max(left, right);
      default: throw new Error(`unknown step ${head}`);
    }
  };

  /* --- views --- */
  const textOrder = (a, b) => (a === null) - (b === null) || (a === b ? 0 : a < b ? -1 : 1);
  class Shown {
    constructor(view, state) {
      this.view = view;
      this.state = state;
      this.totals = {};
      const wanted = view.filters.filter((name) => state.filters[name]).map((name) =>
        [view.texts["_filter_" + name], view.words["_filter_" + name].indexOf(state.filters[name])]);
      this.matching = [];
      for (let row = 0; row < view.rows; row++) {
        if (wanted.every(([codes, code]) => codes[row] === code)) this.matching.push(row);
      }
      this.all = this.group();
      this.groups = view.limit ? this.all.slice(0, view.limit) : this.all;
    }
    rows(scope) {
      const view = this.view;
      if (!view.hasPeriod) return scope === "now" ? this.matching : [];
      const quarter = page.quarters[this.state.quarter];
      let last = quarter.last;
      let first;
      if (scope === "previous") { last -= quarter.length; first = last - quarter.length + 1; }
      else if (view.span === "year") first = last - 11;
      else first = view.span === "all" ? 0 : last - quarter.length + 1;
      return this.matching.filter((row) => first <= view.period[row] && view.period[row] <= last);
    }
    fold(rows) {
      const values = {};
      for (const column of this.view.columns) {
        const numbers = this.view.numbers[column.name];
        if (!numbers) continue;
        let whole = null;
        for (const row of rows) {
          const number = numbers[row];
          if (number === null) continue;
          if (whole === null) whole = number;
          else whole = column.fold === "sum" ? whole + number : column.fold === "max" ? Math.max(whole, number) : Math.min(whole, number);
        }
        values[column.name] = whole === null ? null : whole / this.view.scales[column.name];
      }
      return values;
    }
    compute(values) {
      for (const column of this.view.columns) {
        if (column.value) values[column.name] = evaluate(column.value, (name) => values[name]);
      }
      return values;
    }
    total(scope) {
      if (!(scope in this.totals)) {
        const rows = this.rows(scope);
        this.totals[scope] = rows.length ? this.compute(this.fold(rows)) : null;
      }
      return this.totals[scope];
    }
    group() {
      const { view } = this;
      const members = new Map();
      for (const row of this.rows("now")) {
        const key = view.groupBy.map((name) => view.texts[name][row]).join(",");
        if (!members.has(key)) members.set(key, []);
        members.get(key).push(row);
      }
      const groups = [...members.values()].map((rows) => {
        const values = {};
        for (const name of view.groupBy) values[name] = view.words[name][view.texts[name][rows[0]]];
        Object.assign(values, this.fold(rows));
        this.compute(values);
        return { values, greyed: view.greyed ? Boolean(evaluate(view.greyed, (name) => values[name])) : false };
      });
      const byLabel = (a, b) => {
        for (const name of view.groupBy) {
          const order = textOrder(a.values[name], b.values[name]);
          if (order) return order;
        }
        return 0;
      };
      return groups.sort((a, b) => {
        for (const written of view.orderBy) {
          const descending = written.startsWith("-");
          const name = descending ? written.slice(1) : written;
          const [left, right] = [a.values[name], b.values[name]];
          if (left === null || right === null) {
            if ((left === null) !== (right === null)) return left === null ? 1 : -1;
            continue;
          }
          if (left !== right) return (left < right ? -1 : 1) * (descending ? -1 : 1);
        }
        return byLabel(a, b);
      });
    }
    lookUp(rest) {
      if (rest === "groups") return this.all.length;
      const dot = rest.indexOf(".");
      const scope = rest.slice(0, dot);
      const name = rest.slice(dot + 1);
      const place = { first: 0, second: 1, last: this.all.length - 1 }[scope];
      if (place === undefined) { const total = this.total(scope); return total ? total[name] : null; }
      return place >= 0 && place < this.all.length ? this.all[place].values[name] : null;
    }
  }

  /* --- HTML, as dashboard/page.py makes it --- */
  const wordsOf = (state, followed = new Set(FILTERS)) => {
    const quarter = page.quarters[state.quarter];
    const before = page.quarters[state.quarter - 1];
    const chosen = FILTERS.filter((name) => followed.has(name)).map((name) => state.filters[name]).filter(Boolean);
    return {
      currency: page.currency, period: quarter.label, previous_period: before ? before.label : "the quarter before",
      is_to_date: quarter.toDate, last_day: page.lastDay,
      selection: chosen.length ? ` (${chosen.join(", ")})` : "", is_filtered: chosen.length > 0,
    };
  };
  const figure = (value, style, mark) =>
    !NUMERIC.has(style) || value === null || value === undefined ? safe(write(value, style))
      : `<data value="${plain(value)}" ${mark}>${safe(write(value, style))}</data>`;
  const say = (clauses, lookup) => {
    const said = [];
    for (const clause of clauses) {
      const wording = clause.find((item) => item.when === null || evaluate(item.when, lookup));
      if (!wording) continue;
      said.push(wording.parts.map((part) => {
        if (typeof part === "string") return safe(part);
        const value = evaluate(part.v, lookup);
        const text = safe(write(value, part.f));
        return typeof value === "number" ? `<data value="${plain(value)}" data-of="${safe(part.of)}">${text}</data>` : text;
      }).join(""));
    }
    return said.join(" ");
  };
  const recordLink = (system, object, record) => {
    const pattern = page.links[`${system}:${object}`];
    return pattern && record !== null && /^https?:\/\//.test(pattern) ? pattern.replaceAll("{record_id}", encodeURIComponent(record)) : null;
  };
  const rowsAddress = (view, values, state) => {
    const pairs = Object.entries(view.rowsFixed);
    if (view.hasPeriod) {
      const { last, length } = page.quarters[state.quarter];
      const first = { quarter: last - length + 1, year: Math.max(last - 11, 0), all: 0 }[view.span];
      const [year, month] = page.months[last].split("-").map(Number);
      const before = `${year + Math.floor(month / 12)}-${String((month % 12) + 1).padStart(2, "0")}-01`;
      for (const name of view.rowsDates) pairs.push([`${name}.from`, page.months[first]], [`${name}.before`, before]);
    }
    for (const name of view.filters) if (state.filters[name]) pairs.push([name, state.filters[name]]);
    for (const [name, column] of Object.entries(view.rowsParameters)) if (values[column] !== null) pairs.push([name, values[column]]);
    const query = pairs.map(([name, value]) => `${name}=${encodeURIComponent(value === "(unknown)" ? "(none)" : value)}`).join("&");
    return `/rows/${view.rowsId}` + (query ? "?" + query : "");
  };
  const tableRows = (shown, state) => shown.groups.map((group) => {
    const { view } = shown;
    const cells = view.columns.filter((column) => !column.hidden).map((column, number) => {
      const value = group.values[column.name];
      let cell = figure(value, column.style, `data-column="${column.name}"`);
      if (column.link) {
        const address = recordLink(...column.link.map((name) => group.values[name]));
        if (address) cell = `<a href="${safe(address)}" rel="noreferrer noopener">${cell}</a>`;
      }
      if (column.style === "month" && value !== null && page.partialMonth === String(value).slice(0, 10)) cell += ' <span class="to-date">to date</span>';
      if (number === 0 && view.rowsId) cell += ` <a class="rows served" href="${safe(rowsAddress(view, group.values, state))}" aria-label="Rows behind this line">rows</a>`;
      const classes = NUMERIC.has(column.style) ? ["number"] : [];
      if (group.greyed && (!view.greyedColumns.length || view.greyedColumns.includes(column.name))) classes.push("greyed");
      const kind = classes.length ? ` class="${classes.join(" ")}"` : "";
      return number === 0 ? `<th scope="row"${kind}>${cell}</th>` : `<td${kind}>${cell}</td>`;
    });
    const key = JSON.stringify(view.groupBy.map((name) => group.values[name]));
    return `<tr data-key="${safe(key)}">${cells.join("")}</tr>`;
  }).join("");
  const tileInside = (tile, lookup, words, shown, state) => {
    const [value, target, before] = [tile.value, tile.target, tile.before].map((program) => (program ? evaluate(program, lookup) : null));
    const part = (number, style, name) => figure(number, style, `data-tile="${tile.id}.${name}"`);
    const lines = [`<p class="big">${part(value, tile.style, "value")}</p>`];
    if (target !== null) {
      let said = `${part(target, tile.style, "target")} ${safe(tile.targetLabel)}`;
      if (value !== null && target && tile.style !== "percent") {
        const reached = value / target;
        said = `<span class="bar" aria-hidden="true"><i style="width:${Math.round(Math.max(0, Math.min(reached, 1)) * 100)}%"></i></span>${part(reached, "share", "reached")} of ${said}`;
      }
      lines.push(`<p class="target">${said}</p>`);
    } else {
      const absent = say(tile.noTarget, lookup);
      if (absent) lines.push(`<p class="target">${absent}</p>`);
    }
    if (tile.before && value !== null) {
      if (before === null) lines.push(`<p>No figure for ${safe(words.previous_period)}</p>`);
      else {
        const style = { percent: "points", money: "money_signed" }[tile.style] || "count_signed";
        const rise = value - before;
        lines.push(`<p><span class="rise ${rise > 0 ? "up" : rise < 0 ? "down" : "level"}">${part(rise, style, "rise")}</span> from ${part(before, tile.style, "before")}</p>`);
      }
    }
    const note = say(tile.note, lookup);
    if (note) lines.push(`<p class="note">${note}</p>`);
    const teams = say(tile.teams, lookup);
    if (teams) lines.push(`<p class="teams"><a href="#${safe(tile.teamsPanel)}">${teams}</a>${tile.teamsView ? ` <a class="rows served" href="${safe(rowsAddress(shown[tile.teamsView].view, {}, state))}">records between them</a>` : ""}</p>`);
    return lines.join("");
  };

  /* --- charts --- */
  const css = (number) => `var(--series-${Math.min(number + 1, SERIES)})`;
  const drawnGroups = (chart, shown) => (chart.kind !== "steps" ? shown.groups : shown.groups.filter(({ values }) => values[chart.value] || isTotal(chart, values)));
  const isTotal = (chart, values) => Boolean(chart.total && values[chart.total] && values[chart.total] !== "false");
  const marksOf = (chart, shown) => drawnGroups(chart, shown).map(({ values, greyed }) => {
    const style = shown.view.columns.find((column) => column.name === chart.label).style;
    const raw = values[chart.label];
    return {
      label: write(raw, style), value: values[chart.value], series: chart.series ? write(values[chart.series], "text") : "", greyed,
      partial: style === "month" && raw !== null && String(raw).slice(0, 10) === page.partialMonth,
      low: chart.low ? values[chart.low] : null, high: chart.high ? values[chart.high] : null,
      total: isTotal(chart, values),
    };
  });
  const ticks = (low, high) => {
    const rough = (high - low) / 4 || 1;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
    const found = [];
    for (let value = Math.ceil(low / step) * step; value <= high + step * 1e-9; value += step) found.push(Math.abs(value) < step * 1e-9 ? 0 : value);
    return { found, step };
  };
  const axisText = (value, style) => {
    if (style === "percent" || style === "points") return Math.round(value * 100) + "%";
    const short = compact(Math.abs(value)).replace(/\.0(?=[kMB]|$)/, "");
    const small = Math.abs(value) < 10 && value % 1 ? String(Math.round(Math.abs(value) * 10) / 10) : short;
    return (value < 0 ? "−" : "") + (style.startsWith("money") ? page.symbol : "") + small;
  };
  const text = (x, y, words, more = "") => `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" font-size="12" ${more}>${safe(words)}</text>`;
  const cut = (words, room) => (words.length * 6.6 > room ? words.slice(0, Math.max(3, Math.floor(room / 6.6) - 1)) + "…" : words);
  const svg = (width, height, inside) => `<svg aria-hidden="true" focusable="false" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">${inside}</svg>`;
  const legend = (names, width, colour) => {
    if (names.length === 1 && names[0] === "") return { inside: "", height: 0 };
    let x = 2, y = 12, inside = "";
    names.forEach((name, number) => {
      const size = 24 + name.length * 6.8;
      if (x + size > width) { x = 2; y += 20; }
      inside += `<rect x="${x}" y="${y - 9}" width="10" height="10" fill="${colour(name)}"/>` + text(x + 15, y, name, 'fill="var(--ink)"');
      x += size + 8;
    });
    return { inside, height: y + 12 };
  };
  const distinct = (values) => [...new Set(values)];
  const seriesBySize = (chart, view) => {
    const words = view.words[chart.series].map((word) => write(word, "text"));
    const sizes = words.map(() => 0);
    const numbers = view.numbers[chart.value];
    view.texts[chart.series].forEach((code, row) => { sizes[code] += numbers ? Math.abs(numbers[row] || 0) : 1; });
    return words.map((_, code) => code).sort((a, b) => sizes[b] - sizes[a] || textOrder(words[a], words[b])).map((code) => words[code]);
  };
  const draw = (chart, shown, width) => {
    const marks = marksOf(chart, shown);
    if (!marks.length) return "";
    const style = shown.view.columns.find((column) => column.name === chart.value).style;
    const names = distinct(marks.map((mark) => mark.series));
    /* A series keeps its colour whatever is filtered; the largest have the first ones. */
    const all = chart.series ? seriesBySize(chart, shown.view) : [""];
    const colour = (name) => css(all.indexOf(name));
    const labels = distinct(marks.map((mark) => mark.label));
    const above = legend(names, width, colour);
    const left = Math.min(width * 0.36, 14 + Math.max(...labels.map((label) => label.length)) * 6.8);
    const step = 28;
    let inside = above.inside;
    if (chart.kind === "lines") {
      const [top, bottom, start] = [above.height + 6, above.height + 206, 52];
      const values = marks.map((mark) => mark.value).filter((value) => value !== null);
      const most = Math.max(0, ...values), least = Math.min(0, ...values);
      const scale = ticks(least, most || 1);
      const high = Math.max(most, scale.found.at(-1) < most ? scale.found.at(-1) + scale.step : scale.found.at(-1)) || 1;
      const y = (value) => bottom - ((value - least) / (high - least)) * (bottom - top);
      const gap = (width - start - 16) / Math.max(labels.length, 1);
      const x = (label) => start + gap * (labels.indexOf(label) + 0.5);
      for (const value of ticks(least, high).found) {
        inside += `<path d="M${start},${y(value).toFixed(1)}H${width}" stroke="var(--line)"/>` + text(start - 8, y(value) + 4, axisText(value, style), 'text-anchor="end" fill="var(--quiet)"');
      }
      const every = width > 500 || labels.length < 8 ? 1 : 3;
      labels.forEach((label, number) => {
        if ((labels.length - 1 - number) % every) return;
        const [month, year] = label.split(" ");
        inside += text(x(label), bottom + 20, month === "Jan" ? `Jan ${year.slice(2)}` : month, 'text-anchor="middle" fill="var(--quiet)"');
      });
      names.forEach((name) => {
        const own = marks.filter((mark) => mark.series === name && mark.value !== null);
        const whole = own.filter((mark) => !mark.greyed && !mark.partial);
        inside += `<path fill="none" stroke="${colour(name)}" stroke-width="2.2" d="${whole.map((mark, place) => `${place ? "L" : "M"}${x(mark.label).toFixed(1)},${y(mark.value).toFixed(1)}`).join("")}"/>`;
        for (const mark of own) {
          inside += `<circle cx="${x(mark.label).toFixed(1)}" cy="${y(mark.value).toFixed(1)}" r="3.3" ` + (mark.partial ? `fill="none" stroke="${colour(name)}" stroke-width="1.8"/>` : `fill="${colour(name)}"${mark.greyed ? ' opacity=".35"' : ""}/>`);
        }
      });
      return svg(width, bottom + 30, inside);
    }
    const top = above.height;
    const middle = (label) => top + step * (labels.indexOf(label) + 0.5);
    const names_ = labels.map((label) => text(left - 8, middle(label) + 4, cut(label, left - 8), 'text-anchor="end" fill="var(--ink)"')).join("");
    let low = 0, high = 0;
    if (chart.kind === "steps") {
      let level = 0;
      for (const mark of marks) {
        const value = mark.value || 0;
        [mark.start, mark.end] = mark.total ? [0, value] : [level, level + value];
        level = mark.end;
        low = Math.min(low, mark.start, mark.end); high = Math.max(high, mark.start, mark.end);
      }
    } else if (chart.kind === "ranges") {
      for (const mark of marks) { low = Math.min(low, mark.low ?? 0, mark.value ?? 0); high = Math.max(high, mark.high ?? 0, mark.value ?? 0); }
    } else {
      for (const label of labels) {
        const own = marks.filter((mark) => mark.label === label).map((mark) => mark.value || 0);
        high = Math.max(high, own.filter((value) => value > 0).reduce((a, b) => a + b, 0));
        low = Math.min(low, own.filter((value) => value < 0).reduce((a, b) => a + b, 0));
      }
    }
    const single = names.length === 1;
    const written = chart.kind === "steps" || (chart.kind === "bars" && single);
    const room = written ? 66 : 8;
    const x = (value) => left + ((value - low) / (high - low || 1)) * (width - left - room);
    if (!written) {
      for (const value of ticks(low, high || 1).found) {
        inside += `<path d="M${x(value).toFixed(1)},${top}V${top + step * labels.length}" stroke="var(--line)"/>` + text(x(value), top + step * labels.length + 18, axisText(value, style), 'text-anchor="middle" fill="var(--quiet)"');
      }
    }
    const from = {};
    for (const mark of marks) {
      const y = middle(mark.label);
      if (chart.kind === "ranges") {
        if (mark.low !== null && mark.high !== null) inside += `<path d="M${x(mark.low).toFixed(1)},${y}H${x(mark.high).toFixed(1)}" stroke="var(--faint)" stroke-width="6" stroke-linecap="round"/>`;
        if (mark.value !== null) inside += `<circle cx="${x(mark.value).toFixed(1)}" cy="${y}" r="5.3" fill="var(--series-1)"/>`;
        continue;
      }
      const side = mark.label + (mark.value < 0 ? "<" : ">");
      const start = chart.kind === "steps" ? mark.start : from[side] || 0;
      const end = chart.kind === "steps" ? mark.end : start + (mark.value || 0);
      from[side] = end;
      const fill = chart.kind !== "steps" ? colour(mark.series) : mark.total ? "var(--series-1)" : mark.value >= 0 ? "var(--good)" : "var(--bad)";
      const [a, b] = [x(Math.min(start, end)), x(Math.max(start, end))];
      inside += `<rect x="${a.toFixed(1)}" y="${(y - 8.7).toFixed(1)}" width="${Math.max(b - a, 0).toFixed(1)}" height="17.4" rx="1.5" fill="${fill}"${mark.greyed ? ' opacity=".35"' : ""}/>`;
      if (written) inside += text(b + 5, y + 4, write(mark.value, style === "money_full" ? "money" : style), 'fill="var(--ink)"');
    }
    return svg(width, top + step * labels.length + (written ? 6 : 26), inside + names_);
  };

  /* --- showing a state --- */
  const show = (state) => {
    for (const panel of page.panels) {
      const applied = new Set(Object.values(panel.views).flatMap((view) => view.filters));
      const words = wordsOf(state, applied);
      const section = document.getElementById(panel.id);
      const shown = {};
      for (const [name, view] of Object.entries(panel.views)) shown[name] = new Shown(view, state);
      const lookup = (name) => {
        const dot = name.indexOf(".");
        const head = name.slice(0, dot);
        return head === "page" ? words[name.slice(dot + 1)] : shown[head].lookUp(name.slice(dot + 1));
      };
      const empty = Object.values(shown).every((item) => !item.all.length);
      section.querySelector(".sentence").innerHTML = empty ? safe(panel.empty) : say(panel.sentence, lookup);
      const support = section.querySelector(".support");
      support.innerHTML = empty ? "" : say(panel.support, lookup);
      support.hidden = !support.innerHTML;
      const ignored = FILTERS.filter((name) => state.filters[name] && !applied.has(name)).map((name) => page.filterLabels[name].toLowerCase());
      const scope = section.querySelector(".scope");
      scope.hidden = !ignored.length;
      scope.textContent = ignored.length ? `Not filtered by ${ignored.join(", ")}: these figures are not kept apart by it.` : "";
      for (const tile of panel.tiles) document.querySelector(`#${panel.id}-${tile.id} .inside`).innerHTML = tileInside(tile, lookup, words, shown, state);
      panel.charts.forEach((chart, number) => {
        const place = section.querySelector(`[data-chart="${number}"]`);
        place.hidden = !shown[chart.view].groups.length;
        place.querySelector(".wide").innerHTML = draw(chart, shown[chart.view], 520);
        place.querySelector(".narrow").innerHTML = draw(chart, shown[chart.view], 330);
      });
      for (const table of section.querySelectorAll("details.table")) {
        const item = shown[table.dataset.view];
        table.querySelector("tbody").innerHTML = tableRows(item, state);
        const more = table.querySelector(".more");
        more.hidden = item.all.length === item.groups.length;
        more.textContent = more.hidden ? "" : `${item.all.length - item.groups.length} more are not shown here.`;
        table.hidden = !item.groups.length;
      }
    }
  };

  /* --- state in the address --- */
  const form = document.getElementById("filters");
  const more = document.getElementById("more-filters");
  more.addEventListener("click", () => more.setAttribute("aria-expanded", String(form.classList.toggle("is-whole"))));
  const newest = page.quarters.length - 1;
  const stateOfForm = () => {
    const chosen = new FormData(form);
    const filters = {};
    for (const name of FILTERS) if (chosen.get(name)) filters[name] = chosen.get(name);
    return { quarter: Math.max(0, page.quarters.findIndex((quarter) => quarter.id === chosen.get("period"))), filters };
  };
  const parametersOf = (state) => {
    const parameters = new URLSearchParams();
    if (state.quarter !== newest) parameters.set("period", page.quarters[state.quarter].id);
    for (const name of FILTERS) if (state.filters[name]) parameters.set(name, state.filters[name]);
    return parameters;
  };
  const isView = (text) => text.includes("=");
  const restore = () => {
    const hash = location.hash.slice(1);
    const given = new URLSearchParams(isView(hash) ? hash : location.search);
    form.reset();
    for (const select of form.querySelectorAll("select")) {
      const value = given.get(select.name);
      const option = value && [...select.options].find((item) => item.value === value);
      if (option) option.selected = true;
    }
  };
  let drawn = "";
  const update = (remember) => {
    const start = performance.now();
    const state = stateOfForm();
    const key = parametersOf(state).toString();
    for (const select of form.querySelectorAll("select")) select.classList.toggle("is-set", select.selectedIndex > 0);
    if (key !== drawn) {
      show(state);
      drawn = key;
      document.getElementById("said").textContent = `Showing ${page.quarters[state.quarter].label}${wordsOf(state).selection}`;
    }
    if (remember) history.replaceState(null, "", key ? "#" + key : location.pathname + location.search.replace(/^\?.*/, ""));
    window.concordFilterMs = performance.now() - start;
  };
  form.addEventListener("change", () => update(true));
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => update(true)));
  window.addEventListener("hashchange", () => {
    if (isView(location.hash) || location.hash === "") { restore(); update(false); } else reveal();
  });

  /* --- links into folded parts --- */
  const reveal = () => {
    const target = location.hash && !isView(location.hash) ? document.getElementById(location.hash.slice(1)) : null;
    if (!target) return;
    for (let element = target; element; element = element.parentElement) if (element.tagName === "DETAILS") element.open = true;
    target.scrollIntoView();
  };

  /* --- CSV: text that a spreadsheet would take for a formula is kept text --- */
  const csvCell = (value) => {
    if (value === null || value === undefined) return "";
    if (typeof value === "number") return String(value);
    const guarded = /^[\s]*[=+\-@\t\r]/.test(value) ? "'" + value : String(value);
    return /[",\r\n]/.test(guarded) ? `"${guarded.replaceAll('"', '""')}"` : guarded;
  };
  const csvOf = (panel, name) => {
    const shown = new Shown(panel.views[name], stateOfForm());
    const columns = shown.view.columns.filter((column) => !column.hidden);
    const lines = [columns.map((column) => csvCell(column.label))];
    for (const group of shown.all) lines.push(columns.map((column) => csvCell(group.values[column.name])));
    return "\ufeff" + lines.map((line) => line.join(",")).join("\r\n") + "\r\n";
  };
  for (const button of document.querySelectorAll(".csv")) {
    button.addEventListener("click", () => {
      const section = button.closest(".panel");
      const name = button.closest("details.table").dataset.view;
      const panel = page.panels.find((item) => item.id === section.id);
      const address = URL.createObjectURL(new Blob([csvOf(panel, name)], { type: "text/csv;charset=utf-8" }));
      const link = Object.assign(document.createElement("a"), { href: address, download: `${panel.id}-${name}-${page.build}.csv` });
      link.click();
      setTimeout(() => URL.revokeObjectURL(address), 1000);
    });
  }

  /* --- light and dark, sharing, printing --- */
  const theme = document.getElementById("theme");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches);
  const tellTheme = () => { theme.setAttribute("aria-pressed", String(isDark())); };
  theme.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("theme", root.dataset.theme); } catch { /* Not remembered, then. */ }
    tellTheme();
  });
  document.getElementById("print").addEventListener("click", () => window.print());
  document.getElementById("share").addEventListener("click", async (event) => {
    const button = event.currentTarget;
    let done = true;
    try { await navigator.clipboard.writeText(location.href); } catch { done = false; }
    button.textContent = done ? "Copied" : "Copy the address above";
    setTimeout(() => { button.textContent = "Copy link to this view"; }, 2000);
  });

  if (location.protocol.startsWith("http")) root.classList.add("is-served");
  tellTheme();
  restore();
  update(false);
  reveal();
  window.concord = { page, show, csvOf, stateOfForm };
  window.concordReadyMs = performance.now();
  window.concordStartMs = window.concordReadyMs - began;
})();
