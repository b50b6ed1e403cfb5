// The same bytes wherever it is built: names, not numbers that depend on what was found first.
module.exports = { optimization: { moduleIds: 'named', chunkIds: 'named' } };
