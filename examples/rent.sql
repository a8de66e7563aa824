CREATE OR REPLACE MODEL rent OPTIONS (model_type = 'linear_reg', input_label_cols = ['rent'], l2_reg = 0.01) AS
SELECT area, rooms, district, balcony, rent FROM 'examples/flats.csv' WHERE rent IS NOT NULL;

SELECT district, area, predicted_rent
FROM ML.PREDICT(MODEL rent, (SELECT * FROM 'examples/flats.csv'))
WHERE rent IS NULL
ORDER BY predicted_rent;
