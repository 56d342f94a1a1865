/** An element with attributes and children; text is text, never markup. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) made.setAttribute(key, value === true ? '' : value);
  }
  made.append(...children);
  return made;
}

const SVG = 'http://www.w3.org/2000/svg';

/** A piece of the line as the chart draws it: colour and dashes, so that neither has to be told apart alone. */
export function swatch({ colour, dash }) {
  const svg = document.createElementNS(SVG, 'svg');
  const line = document.createElementNS(SVG, 'line');
  for (const [key, value] of Object.entries({ viewBox: '0 0 26 8', class: 'swatch', 'aria-hidden': 'true' }))
    svg.setAttribute(key, value);
  const drawn = { x1: 0, x2: 26, y1: 4, y2: 4, class: `line-${colour}` };
  for (const [key, value] of Object.entries(drawn)) line.setAttribute(key, value);
  if (dash) line.setAttribute('stroke-dasharray', dash.join(' '));
  svg.append(line);
  return svg;
}
