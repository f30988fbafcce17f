// What Grafana registers when it starts: options of fields, and transformations.
import {
  FieldConfigOptionsRegistry,
  displayNameOverrideProcessor,
  identityOverrideProcessor,
  numberOverrideProcessor,
  standardTransformers,
  standardTransformersRegistry,
  stringOverrideProcessor,
  thresholdsOverrideProcessor,
  unitOverrideProcessor,
  valueMappingsOverrideProcessor,
} from '@grafana/data';

const option = (id, process, isCustom = false) => ({
  id: isCustom ? `custom.${id}` : id,
  path: id,
  name: id,
  isCustom,
  process,
  override: process,
  editor: () => null,
  shouldApply: () => true,
  settings: {},
});

const CUSTOM = [
  ...['width', 'align', 'cellOptions', 'drawStyle', 'fillOpacity', 'lineWidth', 'showPoints', 'stacking'],
  ...['axisSoftMax', 'axisPlacement', 'axisLabel', 'spanNulls'],
];

export const registry = new FieldConfigOptionsRegistry(() => [
  option('displayName', displayNameOverrideProcessor),
  option('unit', unitOverrideProcessor),
  option('min', numberOverrideProcessor),
  option('max', numberOverrideProcessor),
  option('decimals', numberOverrideProcessor),
  option('mappings', valueMappingsOverrideProcessor),
  option('thresholds', thresholdsOverrideProcessor),
  option('noValue', stringOverrideProcessor),
  option('links', identityOverrideProcessor),
  option('color', identityOverrideProcessor),
  ...CUSTOM.map((id) => option(id, identityOverrideProcessor, true)),
]);

standardTransformersRegistry.setInit(() => {
  const unique = [...new Map(Object.values(standardTransformers).map((each) => [each.id, each])).values()];
  return unique.map((each) => ({
    id: each.id,
    name: each.name ?? each.id,
    aliasIds: [],
    transformation: () => Promise.resolve(each),
    editor: () => null,
  }));
});
