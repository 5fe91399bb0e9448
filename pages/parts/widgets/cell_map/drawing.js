// Cells as points, drawn with WebGL2.
const POINTS = [
  `#version 300 es
  in vec2 place;
  in float code, chosen;
  uniform vec4 frame; // clip = place * frame.xy + frame.zw
  uniform float size, opacity, outlined;
  uniform vec3 plain;
  uniform sampler2D colours;
  out vec4 colour;
  out float wide;
  void main() {
    bool uncoloured = code > 254.5;
    bool left = outlined > 0.5 && chosen < 0.5;
    gl_Position = vec4(place * frame.xy + frame.zw, (uncoloured ? 0.4 : 0.0) + (left ? 0.2 : 0.0), 1.0);
    wide = uncoloured ? 0.8 * size : size;
    gl_PointSize = wide;
    float alpha = opacity * (left ? 0.25 : 1.0);
    colour = vec4((uncoloured ? plain : texelFetch(colours, ivec2(int(code + 0.5), 0), 0).rgb) * alpha, alpha);
  }`,
  `#version 300 es
  precision mediump float;
  in vec4 colour;
  in float wide;
  out vec4 pixel;
  void main() {
    float far = 2.0 * length(gl_PointCoord - 0.5);
    pixel = wide < 2.5 ? colour : colour * smoothstep(1.0, 1.0 - 2.0 / wide, far);
    if (pixel.a < 0.02) discard; // what is not seen hides nothing behind it
  }`,
];

const shader = (gl, kind, text) => {
  const made = gl.createShader(kind);
  gl.shaderSource(made, text);
  gl.compileShader(made);
  return made;
};

const program = (gl, [vertex, fragment]) => {
  const made = gl.createProgram();
  gl.attachShader(made, shader(gl, gl.VERTEX_SHADER, vertex));
  gl.attachShader(made, shader(gl, gl.FRAGMENT_SHADER, fragment));
  gl.linkProgram(made);
  if (!gl.getProgramParameter(made, gl.LINK_STATUS) && !gl.isContextLost()) throw new Error(gl.getProgramInfoLog(made));
  const all = (count, active, locate) => {
    const named = Array.from({ length: gl.getProgramParameter(made, count) }, (_, k) => active.call(gl, made, k).name);
    return Object.fromEntries(named.map((name) => [name, locate.call(gl, made, name)]));
  };
  const uniforms = all(gl.ACTIVE_UNIFORMS, gl.getActiveUniform, gl.getUniformLocation);
  return { made, uniforms, attributes: all(gl.ACTIVE_ATTRIBUTES, gl.getActiveAttrib, gl.getAttribLocation) };
};

const rgb = (hex) => [1, 3, 5].map((k) => parseInt(hex.slice(k, k + 2), 16) / 255);

// The canvas of the cells: its buffers are filled by name, its table of colours by their bytes.
const surface = (canvas) => {
  const gl = canvas.getContext("webgl2", { antialias: false, powerPreference: "high-performance" });
  if (!gl) return null;
  const { made, uniforms, attributes } = program(gl, POINTS);
  const buffers = {};
  const colours = gl.createTexture();
  gl.useProgram(made);
  gl.enable(gl.BLEND);
  gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  gl.bindTexture(gl.TEXTURE_2D, colours);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
  gl.enable(gl.DEPTH_TEST);
  gl.depthFunc(gl.LEQUAL);
  const fill = (name, values) => {
    buffers[name] ??= gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, buffers[name]);
    gl.bufferData(gl.ARRAY_BUFFER, values, gl.DYNAMIC_DRAW);
  };
  const paint = (table) => {
    const texels = new Uint8Array(256 * 4).fill(255);
    for (let k = 0; k < table.length / 3; k += 1) texels.set(table.subarray(3 * k, 3 * k + 3), 4 * k);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, 256, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, texels);
  };
  const clear = () => {
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
  };
  // One value a cell; what has no buffer is the same for all.
  const attach = (name, size, type, normal, otherwise) => {
    const at = attributes[name];
    if (!buffers[name]) {
      gl.disableVertexAttribArray(at);
      gl.vertexAttrib1f(at, otherwise);
      return;
    }
    gl.bindBuffer(gl.ARRAY_BUFFER, buffers[name]);
    gl.enableVertexAttribArray(at);
    gl.vertexAttribPointer(at, size, type, normal, 0, 0);
  };
  const drop = (name) => {
    gl.deleteBuffer(buffers[name] ?? null);
    delete buffers[name];
  };
  return { gl, uniforms, fill, drop, paint, clear, attach };
};

// frame: how places become clip space; count: how many cells, from the first
const drawPoints = ({ gl, uniforms, attach, clear }, { frame, count, size, opacity, outlined, plain }) => {
  clear();
  attach("place", 2, gl.SHORT, true, 0);
  attach("code", 1, gl.UNSIGNED_BYTE, false, 255);
  attach("chosen", 1, gl.UNSIGNED_BYTE, false, 0);
  gl.uniform4fv(uniforms.frame, frame);
  gl.uniform1f(uniforms.size, size);
  gl.uniform1f(uniforms.opacity, opacity);
  gl.uniform1f(uniforms.outlined, outlined ? 1 : 0);
  gl.uniform3fv(uniforms.plain, rgb(plain));
  gl.drawArrays(gl.POINTS, 0, count);
};
