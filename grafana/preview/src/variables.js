// The dashboard's variables as Grafana resolves them, and their place in queries, titles and links.
import { prometheus, span } from './prometheus.js';

const SCRAPE = 15; // Grafana's default for a Prometheus data source

/** Ask Prometheus for the values of every query variable; `given` are choices from the address. */
export async function resolve(dashboard, given) {
  const chosen = { datasource: { text: 'Prometheus', value: 'prometheus' } };
  for (const variable of dashboard.templating?.list ?? []) {
    if (variable.type !== 'query') continue;
    const [, selector, label] = /^label_values\((.*), (\w+)\)$/s.exec(variable.definition);
    const series = await prometheus('series', { 'match[]': fill(selector, chosen), ...span() });
    const values = [...new Set(series.map((each) => each[label]).filter(Boolean))].sort();
    if (given[variable.name]) chosen[variable.name] = one(given[variable.name].split(','));
    else if (variable.includeAll) chosen[variable.name] = { text: 'All', value: variable.allValue, values };
    else chosen[variable.name] = one(values.slice(0, 1));
  }
  return chosen;
}

function one(values) {
  const escaped = values.map((value) => value.replace(/[.*+?^${}()|[\]\\]/g, '\\\\$&'));
  return { text: values.join(' + '), value: values.length === 1 ? escaped[0] : `(${escaped.join('|')})`, values };
}

/** The step of a panel as many pixels wide, in seconds. */
export function stepOf(panel, width) {
  const { start, end } = span();
  const least = panel.interval === '1m' ? 60 : SCRAPE;
  const nice = [15, 30, 60, 120, 300, 600, 1200, 1800, 3600];
  const wanted = Math.max(least, (end - start) / Math.max(width, 100));
  return nice.find((step) => step >= wanted) ?? 7200;
}

/** Put values into a query. */
export function fill(text, chosen, step = SCRAPE) {
  const { start, end } = span();
  const builtIn = {
    __interval: `${step}s`,
    __rate_interval: `${Math.max(step + SCRAPE, 4 * SCRAPE)}s`,
    __range_s: `${Math.round(end - start)}`,
    __range: `${Math.round(end - start)}s`,
  };
  return text.replace(/\$\{?(\w+)(?::\w+)?\}?/g, (whole, name) => builtIn[name] ?? chosen[name]?.value ?? whole);
}
