-- Pretrained models in a query: near-duplicates among lines of a play, and lines continued into a table.
-- `python examples/python/texts.py prepare` puts the two models below models/; then `gradframe sql -f examples/texts.sql`.

CREATE OR REPLACE MODEL minilm OPTIONS (model_type = 'huggingface', path = 'models/minilm');
CREATE OR REPLACE MODEL stories OPTIONS (model_type = 'huggingface', path = 'models/stories');

CREATE OR REPLACE TABLE lines AS
SELECT row_number() OVER () AS line, text AS content
FROM read_csv('models/lines.csv') WHERE length(text) > 20 LIMIT 400;

CREATE OR REPLACE TABLE vectors AS
SELECT line, content, ml_generate_embedding_result AS vector FROM ML.GENERATE_EMBEDDING(MODEL minilm, TABLE lines);

-- The pairs that say nearly the same.
SELECT a.content, b.content AS near, round(cosine_distance(a.vector, b.vector), 3) AS distance
FROM vectors AS a JOIN vectors AS b ON a.line < b.line
WHERE cosine_distance(a.vector, b.vector) < 0.45
ORDER BY distance, a.line, b.line LIMIT 5;

-- The first lines, continued.
CREATE OR REPLACE TABLE told AS
SELECT line, prompt, ml_generate_text_result AS told
FROM ML.GENERATE_TEXT(MODEL stories, (SELECT line, 'Once upon a time, ' || lower(content) AS prompt FROM lines WHERE line <= 8),
STRUCT(40 AS max_output_tokens));

SELECT line, prompt, told FROM told ORDER BY line;

EXPLAIN ANALYZE SELECT line, ml_generate_embedding_result FROM ML.GENERATE_EMBEDDING(MODEL minilm, TABLE lines) WHERE line % 4 = 0;
