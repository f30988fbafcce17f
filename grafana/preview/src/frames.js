// From a panel's queries to data frames, the way Grafana's Prometheus data source makes them.
import { FieldType, applyFieldOverrides, cacheFieldDisplayNames, toDataFrame, transformDataFrame } from '@grafana/data';
import { prometheus, span } from './prometheus.js';
import { fill, stepOf } from './variables.js';
import { registry } from './registry.js';

export async function framesOf(panel, chosen, width, theme) {
  const step = stepOf(panel, width);
  const answers = await Promise.all((panel.targets ?? []).map((target) => ask(target, chosen, step)));
  const tables = answers.filter(({ target, series }) => target.format === 'table' && series.length).length;
  let frames = answers.flatMap((answer) => made(answer, tables > 1, step));
  if (panel.transformations?.length) {
    frames = await new Promise((resolve, reject) =>
      transformDataFrame(panel.transformations, frames).subscribe({ next: resolve, error: reject }),
    );
  }
  const mode = { stat: 'thresholds', table: 'thresholds', 'state-timeline': 'thresholds' }[panel.type] ?? 'palette-classic';
  const fieldConfig = { ...panel.fieldConfig, defaults: { color: { mode }, ...panel.fieldConfig.defaults } };
  const shown = applyFieldOverrides({
    data: frames,
    fieldConfig,
    fieldConfigRegistry: registry,
    replaceVariables: (text) => text,
    theme,
    timeZone: 'utc',
  });
  cacheFieldDisplayNames(shown);
  return shown;
}

async function ask(target, chosen, step) {
  const { start, end } = span();
  const query = fill(target.expr, chosen, step);
  const data = target.instant
    ? await prometheus('query', { query, time: end })
    : await prometheus('query_range', { query, start: Math.floor(start / step) * step, end, step });
  return { target, series: data.result };
}

function made({ target, series }, several, step) {
  if (target.format === 'table') return series.length ? [table(target, series, several)] : [];
  return series.map(({ metric, value, values }) => {
    const points = filled(values ?? [value], target.instant ? 0 : step);
    const name = legend(target, metric);
    return toDataFrame({
      refId: target.refId,
      name,
      fields: [
        { name: 'Time', type: FieldType.time, values: points.map(([time]) => time * 1000) },
        {
          name: 'Value',
          type: FieldType.number,
          labels: metric,
          config: { displayNameFromDS: name },
          values: points.map(([, text]) => (text === null || text === 'NaN' ? null : Number(text))),
        },
      ],
    });
  });
}

// The data source puts nulls where a series has no sample, so that lines break there.
function filled(points, step) {
  if (!step) return points;
  const known = new Map(points);
  const all = [];
  for (let time = points[0][0]; time <= points.at(-1)[0]; time += step) all.push([time, known.get(time) ?? null]);
  return all;
}

function legend(target, metric) {
  if (target.legendFormat) return target.legendFormat.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, label) => metric[label] ?? '');
  const pairs = Object.entries(metric).map(([label, value]) => `${label}="${value}"`);
  return pairs.length ? `{${pairs.join(', ')}}` : target.expr;
}

function table(target, series, several) {
  const labels = [...new Set(series.flatMap(({ metric }) => Object.keys(metric)))].sort();
  return toDataFrame({
    refId: target.refId,
    fields: [
      { name: 'Time', type: FieldType.time, values: series.map(({ value }) => value[0] * 1000) },
      ...labels.map((label) => ({
        name: label,
        type: FieldType.string,
        values: series.map(({ metric }) => metric[label] ?? ''),
      })),
      {
        name: several ? `Value #${target.refId}` : 'Value',
        type: FieldType.number,
        values: series.map(({ value }) => Number(value[1])),
      },
    ],
  });
}
