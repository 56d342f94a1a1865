import { element, swatch } from './element.js';
import { COLOURS, DASHES, plot } from './plot.js';
import { lowestAndHighest } from './series.js';
import { ageOf, momentOf } from './times.js';

/* One chart of the page: a heading, the drawing, and the same as a table, which is its legend too. */

/** With more lines than these one group is shown at a time. */
const MANY = 8;

export function createChart(spec, { shop, read }) {
  const drawing = element('div', {
    class: 'plot',
    tabindex: 0,
    role: 'group',
    'aria-roledescription': 'chart',
    'aria-label': `${spec.title}, drawn over time; the table below has the values`,
  });
  const message = element('p', { class: 'message' });
  const note = element('p', { class: 'note' }, spec.note ?? '');
  const latest = element('th', { scope: 'col' }, 'Latest');
  const rows = element('tbody');
  const caption = element('caption', { class: 'unseen' });
  const table = element(
    'table',
    {},
    caption,
    element(
      'thead',
      {},
      element(
        'tr',
        {},
        element('th', { scope: 'col' }, element('span', { class: 'unseen' }, 'Series')),
        latest,
        element('th', { scope: 'col' }, 'Lowest – highest'),
      ),
    ),
    rows,
  );
  const scroll = element(
    'div',
    { class: 'scroll', role: 'region', tabindex: 0, 'aria-label': `${spec.title}: values` },
    table,
  );
  const choice = element('select', { id: `${spec.id}-group` });
  const choose = element('label', { class: 'choose', hidden: true }, `${spec.group ?? ''} `, choice);
  const section = element(
    'section',
    { id: spec.id, class: 'chart', 'aria-labelledby': `${spec.id}-title`, 'aria-busy': 'true' },
    element(
      'div',
      { class: 'heading' },
      element('h2', { id: `${spec.id}-title` }, spec.title, element('span', { class: 'unit' }, spec.unit)),
      choose,
    ),
    drawing,
    message,
    note,
    scroll,
  );

  let drawn;
  let shape = '';
  let shown = { lines: [], range: undefined, now: 0 };
  let all;
  const hidden = new Set();
  let at = null;
  let cells = [];

  choice.addEventListener('change', () => all && draw(all));
  drawing.addEventListener('keydown', onKey);
  drawing.addEventListener('blur', () => drawn?.point(null));
  say('Loading …', 'loading');

  function onKey(event) {
    const last = (drawn?.steps() ?? 0) - 1;
    const to = { ArrowLeft: (at ?? last + 1) - 1, ArrowRight: (at ?? -1) + 1, Home: 0, End: last }[event.key];
    if (event.key === 'Escape') drawn?.point(null);
    else if (to === undefined || last < 0) return;
    else {
      drawn.point(Math.min(last, Math.max(0, to)));
      read(asSentence());
    }
    event.preventDefault();
  }

  function asSentence() {
    const { lines, range, now } = shown;
    const when = momentOf(range.from + at * range.stepS * 1000, now, shop.timezone);
    return `${when}: ${lines.map((line) => `${line.label} ${textAt(line, at)}`).join(', ')}`;
  }

  /** Between two values that hang together the earlier one. */
  function textAt({ values, tags }, step) {
    let known = step;
    while (values[known] === undefined && known > 0) known -= 1;
    return typeof values[known] === 'number' ? spec.told(values[known], tags, shop) : '–';
  }

  /** In place of the drawing; the table stays where there is something in it. */
  function say(text, kind) {
    message.textContent = text;
    section.dataset.state = kind;
    section.setAttribute('aria-busy', String(kind === 'loading'));
    if (kind === 'drawn') return;
    drawn?.destroy();
    drawn = undefined;
    shape = '';
  }

  /** `{range, now, lines: [{label, tags, source, values, latest}], name}`; `name` is the range's. */
  function draw(data) {
    all = data;
    const grouped = groupsOf(data.lines);
    offer(grouped);
    const chosen = choose.hidden ? data.lines : (grouped.get(choice.value) ?? data.lines);
    const lines = withLooks(chosen);
    shown = { lines, range: data.range, now: data.now };
    fillTable();
    scroll.hidden = lines.length === 0;
    note.hidden = lines.length === 0 || !spec.note;
    const visible = lines.filter(({ label }) => !hidden.has(label));
    if (!visible.some(({ values }) => values.some((value) => typeof value === 'number')))
      return say(emptySentence(data, visible.length < lines.length), 'empty');
    say('', 'drawn');
    const next = JSON.stringify([visible.map(({ label }) => label), data.range.stepS]);
    if (drawn && next === shape) return drawn.update({ range: data.range, lines: visible });
    drawn?.destroy();
    shape = next;
    drawn = plot(drawing, {
      spec,
      range: { ...data.range },
      lines: visible,
      zone: shop.timezone,
      moved: (step) => {
        at = step;
        showAt();
      },
    });
  }

  function emptySentence({ name, lines }, isHidden) {
    if (isHidden) return 'Every series is hidden: choose one in the table.';
    const isSetUp = !spec.kinds || shop.devices.some(({ kind }) => spec.kinds.includes(kind));
    if (lines.length === 0 && !isSetUp) return spec.none;
    return spec.empty(name);
  }

  function groupsOf(lines) {
    const groups = new Map();
    for (const line of lines) {
      const group = spec.groupOf?.(line.tags, shop) ?? '';
      groups.set(group, [...(groups.get(group) ?? []), line]);
    }
    return groups;
  }

  function offer(groups) {
    const names = [...groups.keys()];
    const size = [...groups.values()].flat().length;
    choose.hidden = names.length < 2 || size <= MANY;
    const wanted = ['All', ...names];
    if (wanted.join('\n') === [...choice.options].map(({ value }) => value).join('\n')) return;
    const before = choice.value;
    choice.replaceChildren(...wanted.map((name) => element('option', { value: name }, name)));
    choice.value = wanted.includes(before) && before !== '' ? before : names[0];
  }

  /** A colour for each device or series, in the order of the lines; then other dashes. */
  function withLooks(lines) {
    const keys = [...new Set(lines.map(keyOf))];
    return lines.map((line) => {
      const n = keys.indexOf(keyOf(line));
      return {
        ...line,
        colour: (n % COLOURS) + 1,
        dash: line.source.dash ?? DASHES[Math.floor(n / COLOURS) % DASHES.length],
        stepped: spec.stepped || line.source.held,
      };
    });
  }

  const keyOf = ({ tags, label }) => spec.colourOf?.(tags) ?? label;

  /** Rows that are there stay, with new values: nobody who reads them loses their place. */
  function fillTable() {
    const { lines, now } = shown;
    caption.textContent = `${spec.title}: the latest value of each series, and the lowest and highest of those shown`;
    const names = lines.map(({ label, colour, dash }) => `${label} ${colour} ${dash}`).join('\n');
    if (rows.dataset.names !== names) {
      rows.dataset.names = names;
      cells = lines.map(makeRow);
      rows.replaceChildren(...cells.map(({ row }) => row));
    }
    for (const [i, { label, values, tags, latest: last }] of lines.entries()) {
      const { row, button, span } = cells[i];
      const isHidden = hidden.has(label);
      row.classList.toggle('off', isHidden);
      button.setAttribute('aria-pressed', String(!isHidden));
      span.textContent = spanText(lowestAndHighest(values));
      lines[i].said = last
        ? [
            element('strong', {}, spec.told(last.value, tags, shop)),
            element('small', {}, ageOf(now - last.at)),
          ]
        : ['–'];
    }
    showAt();
  }

  function makeRow(line) {
    const button = element('button', { type: 'button' }, swatch(line), line.label);
    button.addEventListener('click', () => {
      if (!hidden.delete(line.label)) hidden.add(line.label);
      draw(all);
    });
    const value = element('td', { class: 'value' });
    const span = element('td');
    const row = element('tr', {}, element('th', { scope: 'row' }, button), value, span);
    return { row, button, value, span };
  }

  function spanText(span) {
    if (!span) return '–';
    const { lowest, highest } = span;
    return bare(lowest) === bare(highest) ? bare(lowest) : `${bare(lowest)} – ${bare(highest)}`;
  }

  const bare = (value) => new Intl.NumberFormat('en-GB', { maximumFractionDigits: 1 }).format(value);

  /** The table tells the latest, or what is pointed at. */
  function showAt() {
    const { lines, range, now } = shown;
    const isPointed = at !== null && range && drawn;
    latest.textContent = isPointed
      ? `At ${momentOf(range.from + at * range.stepS * 1000, now, shop.timezone)}`
      : 'Latest';
    for (const [i, line] of lines.entries()) {
      const told = isPointed ? [element('strong', {}, textAt(line, at))] : line.said;
      cells[i].value.replaceChildren(...told);
    }
  }

  return { section, draw, fail: (sentence) => say(sentence, 'broken') };
}
