import { BarChart, CustomChart, LineChart } from 'echarts/charts';
import { GridComponent, LegendComponent, MarkLineComponent, TitleComponent } from 'echarts/components';
import { type EChartsCoreOption, init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import type { Cell } from './compare.ts';
import { formatBytes } from './payload.ts';

use([BarChart, CustomChart, LineChart, GridComponent, LegendComponent, MarkLineComponent, TitleComponent, SVGRenderer]);

const FONT = 'system-ui, sans-serif';
const COLOURS = ['#8c8c8c', '#123f6d', '#1b6ab3', '#4f93ce', '#c98a00', '#b5651d'];

/** The library guesses the width of text, and short: the gap makes up for it. */
const LEGEND = { top: 78, left: 16, icon: 'roundRect', itemWidth: 14, itemGap: 36, textStyle: { fontSize: 12 } };
const LEGEND_ROW = 4;

function render(option: EChartsCoreOption, size: { width: number; height: number }): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, ...size });
  chart.setOption({ animation: false, backgroundColor: '#fff', textStyle: { fontFamily: FONT }, ...option });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return `${svg}\n`;
}

/** Bars of CPU a call as multiples of the floor's, with the spread over the rounds, by size of the body. */
export function plotComparison(cells: readonly Cell[], names: readonly string[], caption: string): string {
  const sizes = [...new Set(cells.map(({ bytes }) => bytes))];
  const find = (name: string, bytes: number) => cells.find((cell) => cell.name === name && cell.bytes === bytes);
  const ratio = (name: string, bytes: number) => {
    const cell = find(name, bytes);
    return cell && Object.keys(cell.failures).length === 0 ? cell.toFloor : undefined;
  };
  const floorLine = {
    silent: true,
    symbol: 'none',
    lineStyle: { color: '#222', type: 'dashed', width: 1 },
    label: { formatter: 'the floor', position: 'end', color: '#222' },
    data: [{ yAxis: 1 }],
  };
  const bars = names.map((name, index) => ({
    type: 'bar',
    ...(index === 0 && { markLine: floorLine }),
    name,
    barGap: '10%',
    barCategoryGap: '22%',
    data: sizes.map((bytes) => ratio(name, bytes)?.median ?? null),
    label: {
      show: true,
      position: 'insideBottom',
      distance: 4,
      color: '#fff',
      fontSize: 12,
      formatter: ({ value }: { value: number | null }) => (value === null ? '' : value.toFixed(2)),
    },
  }));
  const whiskers = names.map((name, series) => ({
    type: 'custom',
    name,
    z: 3,
    encode: { x: 0, y: [1, 2] },
    data: sizes.flatMap((bytes, index) => {
      const spread = ratio(name, bytes);
      return spread ? [[index, spread.min, spread.max]] : [];
    }),
    // biome-ignore lint/suspicious/noExplicitAny: the library types neither argument of use here
    renderItem: (_params: any, api: any) => {
      const [slot] = api.barLayout({ barGap: '10%', barCategoryGap: '22%', count: names.length }).slice(series);
      const at = (value: unknown) => api.coord([api.value(0), value]);
      const [x = 0, low = 0] = at(api.value(1));
      const high = at(api.value(2))[1];
      const centre = x + slot.offsetCenter;
      const line = (x1: number, y1: number, x2: number, y2: number) => ({
        type: 'line',
        shape: { x1, y1, x2, y2 },
        style: { stroke: '#222', lineWidth: 1.2 },
      });
      return {
        type: 'group',
        children: [
          line(centre, low, centre, high),
          line(centre - 4, low, centre + 4, low),
          line(centre - 4, high, centre + 4, high),
        ],
      };
    },
  }));
  return render(
    {
      color: COLOURS,
      title: {
        text: 'CPU a call, as a multiple of the floor',
        subtext: caption,
        left: 16,
        top: 10,
        textStyle: { fontSize: 17 },
        subtextStyle: { fontSize: 12, lineHeight: 17, color: '#555' },
      },
      legend: [names.slice(0, LEGEND_ROW), names.slice(LEGEND_ROW)].map((row, index) => ({
        ...LEGEND,
        top: LEGEND.top + index * 22,
        data: row.map((name) => ({ name })),
      })),
      grid: { left: 56, right: 70, top: 140, bottom: 36 },
      xAxis: { type: 'category', data: sizes.map(formatBytes), axisTick: { show: false }, axisLabel: { fontSize: 13 } },
      yAxis: { type: 'value', min: 0, name: 'x the floor', nameLocation: 'middle', nameGap: 36 },
      series: [...bars, ...whiskers],
    },
    { width: 960, height: 460 },
  );
}

/** A figure over time. */
export interface TimeSeries {
  readonly name: string;
  readonly unit: string;
  readonly colour: string;
  /** Seconds since the start, and the value. */
  readonly points: readonly (readonly [number, number])[];
}

/** Panels over the same time, one below the other; each panel's series share a unit. */
export function plotOverTime(panels: readonly (readonly TimeSeries[])[], title: string, caption: string): string {
  const height = 170;
  const top = 116;
  const step = height + 50;
  const lines = panels.flatMap((panel, index) =>
    panel.map(({ name, colour, points }) => ({
      type: 'line',
      name,
      xAxisIndex: index,
      yAxisIndex: index,
      showSymbol: false,
      itemStyle: { color: colour },
      lineStyle: { width: 1.6, color: colour },
      data: points.map(([seconds, value]) => [seconds / 60, value]),
    })),
  );
  return render(
    {
      title: {
        text: title,
        subtext: caption,
        left: 16,
        top: 10,
        textStyle: { fontSize: 17 },
        subtextStyle: { fontSize: 12, lineHeight: 17, color: '#555' },
      },
      legend: LEGEND,
      grid: panels.map((_, index) => ({ left: 70, right: 24, top: top + index * step, height })),
      xAxis: panels.map((_, index) => ({
        type: 'value',
        gridIndex: index,
        min: 0,
        max: 'dataMax',
        name: index === panels.length - 1 ? 'minutes' : '',
        nameLocation: 'middle',
        nameGap: 26,
        axisLabel: { formatter: (minutes: number) => String(Math.round(minutes * 10) / 10) },
      })),
      yAxis: panels.map((panel, index) => ({
        type: 'value',
        gridIndex: index,
        min: 0,
        name: panel[0]?.unit ?? '',
        nameLocation: 'middle',
        nameGap: 46,
      })),
      series: lines,
    },
    { width: 960, height: top + panels.length * step + 10 },
  );
}
