-- Three tables of TPC-H's order data. Which orders will reach the customer late?
-- A view joins and groups what is known when an order is packed; it stays in .gradframe/ beside the model.
CREATE OR REPLACE VIEW deliveries AS
SELECT o_orderkey, o_orderdate, o_orderpriority, c_mktsegment,
       count(*) AS lines,
       sum(l_quantity) AS pieces,
       max(l_shipdate - o_orderdate) AS slowest_shipment_days,
       min(l_commitdate - o_orderdate) AS tightest_promise_days,
       bool_or(l_receiptdate > l_commitdate) AS late
FROM 'tpch-0.1/orders.parquet'
JOIN 'tpch-0.1/lineitem.parquet' ON l_orderkey = o_orderkey
JOIN 'tpch-0.1/customer.parquet' ON c_custkey = o_custkey
GROUP BY o_orderkey, o_orderdate, o_orderpriority, c_mktsegment;

SELECT late, count(*) AS orders, min(slowest_shipment_days) AS fastest, max(slowest_shipment_days) AS slowest
FROM deliveries GROUP BY late ORDER BY late;

-- Numbers are standardised and strings one-hot encoded by the plan itself; what comes back is the training log.
CREATE OR REPLACE MODEL late_orders
OPTIONS (model_type = 'logistic_reg', input_label_cols = ['late'], l2_reg = 0.0001) AS
SELECT o_orderpriority, c_mktsegment, lines, pieces, slowest_shipment_days, tightest_promise_days, late
FROM deliveries WHERE o_orderdate < DATE '1997-01-01';

-- How good is it on the orders of later years?
SELECT * FROM ML.EVALUATE(MODEL late_orders, (SELECT * FROM deliveries WHERE o_orderdate >= DATE '1997-01-01'));

-- A prediction is one more operator of the plan: the filter on the segment goes below it.
SELECT o_orderkey, o_orderdate, lines, slowest_shipment_days, predicted_late, predicted_late_probs[1]['prob'] AS probability
FROM ML.PREDICT(MODEL late_orders, TABLE deliveries)
WHERE o_orderdate >= DATE '1998-07-01' AND c_mktsegment = 'MACHINERY'
ORDER BY o_orderkey LIMIT 5;

-- What did it learn?
SELECT feature, category, weight, standardized_weight
FROM ML.WEIGHTS(MODEL late_orders) ORDER BY abs(standardized_weight) DESC LIMIT 6;

-- Logs are tables: the run's own loss curve, joined with the run.
SELECT model, status, epoch, value AS loss
FROM gradframe.metrics JOIN gradframe.runs USING (run)
WHERE name = 'loss' AND model = 'late_orders' ORDER BY epoch LIMIT 8;
