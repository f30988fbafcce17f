// One panel: its frames, and the component that Grafana would draw them with.
import React, { useEffect, useState } from 'react';
import { dateTime, getFieldDisplayValues, renderMarkdown } from '@grafana/data';
import { BigValue, PanelChrome, TimeSeries, VizRepeater } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';
import { framesOf } from './frames.js';
import { Marks } from './annotations.jsx';
import { Timeline } from './timeline.jsx';
import { span } from './prometheus.js';
import { stepOf } from './variables.js';

export class Guard extends React.Component {
  state = {};
  static getDerivedStateFromError(error) {
    return { error };
  }
  render() {
    return this.state.error ? <pre style={{ color: 'red' }}>{String(this.state.error)}</pre> : this.props.children;
  }
}

export function Panel(props) {
  const { panel, width, height, chosen, theme } = props;
  const [frames, setFrames] = useState(null);
  const [error, setError] = useState(null);
  useEffect(() => {
    if (panel.type !== 'text') framesOf(panel, chosen, width, theme).then(setFrames, setError);
  }, []);
  return (
    <PanelChrome title={panel.title} description={panel.description} width={width} height={height} displayMode={panel.transparent ? 'transparent' : 'default'}>
      {(innerWidth, innerHeight) => {
        if (panel.type === 'text') return <div dangerouslySetInnerHTML={{ __html: renderMarkdown(panel.options.content) }} />;
        if (error) return <pre style={{ color: 'red', whiteSpace: 'pre-wrap' }}>{String(error)}</pre>;
        if (!frames) return null;
        const Kind = KINDS[panel.type] ?? Unknown;
        if (panel.type !== 'stat' && !frames.some((frame) => frame.length)) return <Empty text={panel.fieldConfig.defaults.noValue} />;
        return <Guard><Kind {...props} frames={frames} width={innerWidth} height={innerHeight} /></Guard>;
      }}
    </PanelChrome>
  );
}

const Unknown = ({ panel }) => <i>nothing here draws a panel of type {panel.type}</i>;

const Empty = ({ text }) => (
  <div style={{ display: 'flex', alignItems: 'center', justifyContent: 'center', height: '100%', opacity: 0.65, fontSize: 18 }}>
    {text ?? 'No data'}
  </div>
);

function Stat({ panel, frames, width, height, theme }) {
  const values = frames.some((frame) => frame.length)
    ? getFieldDisplayValues({
        fieldConfig: { defaults: {}, overrides: [] },
        reduceOptions: panel.options.reduceOptions,
        replaceVariables: (text) => text,
        theme,
        data: frames,
        sparkline: panel.options.graphMode === 'area',
        timeZone: 'utc',
      })
    : [nothing(panel, theme)];
  return (
    <VizRepeater
      source={values}
      width={width}
      height={height}
      getValues={() => values}
      renderCounter={values.length}
      orientation="auto"
      itemSpacing={3}
      autoGrid
      renderValue={({ value, width, height }) => (
        <BigValue
          width={width}
          height={height}
          theme={theme}
          value={values.length === 1 && panel.options.textMode === 'auto' ? { ...value.display, title: '' } : value.display}
          sparkline={value.sparkline}
          colorMode={panel.options.colorMode}
          graphMode={panel.options.graphMode}
          justifyMode={panel.options.justifyMode}
          textMode={panel.options.textMode}
          count={values.length}
        />
      )}
    />
  );
}

function nothing(panel, theme) {
  const color = panel.fieldConfig.defaults.thresholds.steps[0].color;
  return { display: { text: panel.fieldConfig.defaults.noValue, numeric: NaN, title: '', color: theme.visualization.getColorByName(color) } };
}

function Series({ panel, frames, width, height, told }) {
  const { start, end } = span();
  const [from, to] = [dateTime(start * 1000), dateTime(end * 1000)];
  return (
    <TimeSeries
      frames={frames}
      width={width}
      height={height}
      timeRange={{ from, to, raw: { from, to } }}
      timeZone="utc"
      legend={panel.options.legend}
      options={panel.options}
    >
      {(config) => <Marks config={config} told={told} />}
    </TimeSeries>
  );
}

const Rows = ({ panel, frames, width, height }) => (
  <TableNG data={frames[0]} width={width} height={height} cellHeight={panel.options.cellHeight} sortBy={panel.options.sortBy} fieldConfig={panel.fieldConfig} noValue={panel.fieldConfig.defaults.noValue} enableVirtualization={false} />
);

const States = ({ panel, frames, width, height, theme, told, outerWidth }) => (
  <Timeline frames={frames} width={width} height={height} theme={theme} told={told} step={stepOf(panel, outerWidth)} options={panel.options} />
);

const KINDS = { stat: Stat, timeseries: Series, table: Rows, 'state-timeline': States };
