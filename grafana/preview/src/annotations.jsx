// Events drawn over the panels: the value of a series is the time, as `useValueForTime` means it.
import React, { useLayoutEffect } from 'react';
import { prometheus, span } from './prometheus.js';
import { fill } from './variables.js';

export async function annotationsOf(dashboard, chosen, theme) {
  const { start, end } = span();
  const told = [];
  for (const annotation of dashboard.annotations?.list ?? []) {
    if (!annotation.expr || !annotation.enable) continue;
    const query = fill(annotation.expr, chosen);
    const { result } = await prometheus('query_range', { query, start, end, step: 15 });
    const times = new Set(result.flatMap(({ values }) => values.map(([, value]) => Number(value))));
    const color = theme.visualization.getColorByName(annotation.iconColor);
    told.push(...[...times].filter((time) => time >= start * 1000 && time <= end * 1000).map((time) => ({ time, color })));
  }
  return told;
}

/** A child of Grafana's time series: draws dashed lines on the plot's canvas. */
export function Marks({ config, told }) {
  useLayoutEffect(() => {
    config.addHook('draw', (plot) => {
      const { ctx, bbox } = plot;
      ctx.save();
      for (const { time, color } of told) {
        const x = plot.valToPos(time, 'x', true);
        ctx.strokeStyle = ctx.fillStyle = color;
        ctx.lineWidth = 2;
        ctx.setLineDash([6, 6]);
        ctx.beginPath();
        ctx.moveTo(x, bbox.top);
        ctx.lineTo(x, bbox.top + bbox.height);
        ctx.stroke();
        ctx.beginPath();
        ctx.moveTo(x, bbox.top + bbox.height);
        ctx.lineTo(x - 8, bbox.top + bbox.height + 11);
        ctx.lineTo(x + 8, bbox.top + bbox.height + 11);
        ctx.fill();
      }
      ctx.restore();
    });
  }, [config, told]);
  return null;
}
