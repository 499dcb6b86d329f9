"""What a city starts with: `options`, its `broker`, its processes (`children`), and the `chores` beside them."""
