module.exports = {
  optimization: {
    // The same bytes wherever it is built: names, not numbers that depend on what was found first.
    moduleIds: 'named',
    chunkIds: 'named',
    // What is loaded when the panel is opened comes in one file, which is there or not, and can be asked for again.
    splitChunks: false
  }
};
