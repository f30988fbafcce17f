// The state-timeline is part of Grafana's server, not of its packages: drawn here after its looks.
import React from 'react';
import { span } from './prometheus.js';

export function Timeline({ frames: all, width, height, theme, told, step, options }) {
  const { start, end } = span();
  const frames = all.slice(0, options.perPage);
  const names = frames.map((frame) => frame.fields[1].config.displayNameFromDS.trim());
  const left = Math.min(width / 3, 12 + 7 * Math.max(...names.map((name) => name.length)));
  const legend = 26, axis = 22;
  const row = (height - legend - axis) / frames.length;
  const x = (time) => left + ((width - left - 8) * (time / 1000 - start)) / (end - start);
  const seen = new Map();
  return (
    <svg width={width} height={height} fontFamily={theme.typography.fontFamily} fontSize="12" fill={theme.colors.text.primary}>
      {frames.map((frame, index) => (
        <g key={index} transform={`translate(0 ${index * row})`}>
          <text x={left - 8} y={row / 2 + 4} textAnchor="end" fill={theme.colors.text.primary}>{names[index]}</text>
          {bands(frame, step, end).map(({ from, to, text, color }) => {
            if (text === 'removed') return null;
            seen.set(text, color);
            const wide = x(to) - x(from);
            return (
              <g key={from}>
                <rect x={x(from)} y={(row * (1 - options.rowHeight)) / 2} width={Math.max(wide, 1)} height={row * options.rowHeight} fill={color} fillOpacity="0.75" />
                {wide > 8 * text.length && <text x={x(from) + 4} y={row / 2 + 4} fill={theme.colors.getContrastText(color)}>{text}</text>}
              </g>
            );
          })}
        </g>
      ))}
      {told.map(({ time, color }, index) => (
        <g key={index} stroke={color} fill={color}>
          <line x1={x(time)} x2={x(time)} y1="0" y2={height - legend - axis} strokeDasharray="4 4" />
          <path d={`M${x(time)} ${height - legend - axis} l-4 6 h8 z`} />
        </g>
      ))}
      {ticks(start, end).map((time) => (
        <text key={time} x={x(time * 1000)} y={height - legend - 6} textAnchor="middle" fill={theme.colors.text.secondary}>
          {new Date(time * 1000).toISOString().slice(11, 16)}
        </text>
      ))}
      {[...seen].map(([text, color], index) => (
        <g key={text} transform={`translate(${left + 100 * index} ${height - 10})`}>
          <rect y="-6" width="14" height="4" fill={color} />
          <text x="20" fill={theme.colors.text.primary}>{text}</text>
        </g>
      ))}
    </svg>
  );
}

function bands(frame, step, end) {
  const [times, field] = [frame.fields[0].values, frame.fields[1]];
  const found = [];
  field.values.forEach((value, index) => {
    if (value === null) return;
    const { text, color } = field.display(value);
    const to = Math.min(end * 1000, times[index + 1] ?? times[index] + step * 1000);
    const last = found.at(-1);
    if (last && last.text === text && last.to === times[index]) last.to = to;
    else found.push({ from: times[index], to, text, color });
  });
  return found;
}

function ticks(start, end) {
  const every = [60, 300, 600, 900, 1800, 3600, 7200].find((each) => (end - start) / each <= 12) ?? 14400;
  const first = Math.ceil((start + (end - start) / 50) / every) * every;
  return Array.from({ length: Math.floor((end - first) / every) + 1 }, (_, index) => first + index * every);
}

