-- Pretrained models in a query: near-duplicates among the lines of a play, and lines continued into a table.
-- `python examples/python/texts.py prepare` puts the two models and the play below models/; then `gradframe sql -f examples/texts.sql`.

CREATE OR REPLACE MODEL minilm OPTIONS (model_type = 'huggingface', path = 'models/minilm');
CREATE OR REPLACE MODEL stories OPTIONS (model_type = 'huggingface', path = 'models/stories');

-- A thousand lines that say something.
CREATE OR REPLACE TABLE lines AS
SELECT line, text AS content FROM read_csv('models/lines.csv') WHERE length(text) > 20 ORDER BY line LIMIT 1000;

CREATE OR REPLACE TABLE vectors AS
SELECT line, content, ml_generate_embedding_result AS vector
FROM ML.GENERATE_EMBEDDING(MODEL minilm, TABLE lines, STRUCT(TRUE AS normalize));

-- The pairs that say nearly the same.
SELECT a.line, a.content, b.line AS near_line, b.content AS near, round(cosine_distance(a.vector, b.vector), 3) AS distance
FROM vectors AS a JOIN vectors AS b ON a.line < b.line
WHERE cosine_distance(a.vector, b.vector) < 0.3
ORDER BY distance, a.line, b.line LIMIT 8;

-- What comes nearest to a question.
SELECT line, v.content, round(cosine_distance(vector, ml_generate_embedding_result), 3) AS distance
FROM vectors AS v, ML.GENERATE_EMBEDDING(MODEL minilm, (SELECT 'people are starving' AS content), STRUCT(TRUE AS normalize)) AS asked
ORDER BY distance LIMIT 3;

-- The first lines, continued into a table.
CREATE OR REPLACE TABLE told AS
SELECT line, prompt, replace(ml_generate_text_result, chr(10), ' ') AS story
FROM ML.GENERATE_TEXT(MODEL stories, (SELECT line, 'Once upon a time, ' || lower(content) AS prompt FROM lines ORDER BY line LIMIT 8),
STRUCT(24 AS max_output_tokens));

SELECT prompt, story FROM told ORDER BY line;

-- The filter goes below the model, equal lines go through it once, and the plan says what it took.
EXPLAIN ANALYZE SELECT line, ml_generate_embedding_result FROM ML.GENERATE_EMBEDDING(MODEL minilm, TABLE lines) WHERE line % 4 = 0;
